import type { RegistryBackend } from "@dubbo-ts/application";
import { abortable, deadline, DisposalScope, RegistryError, type ServiceInstance } from "@dubbo-ts/core";
import type { CommandIo } from "./command-io.js";
import type { RegistryOptions } from "./options.js";
import type { CommandTools } from "./tools.js";

/** How many questions are asked at once: a registry of thousands of applications is not to be flooded. */
const concurrency = 16;

/** A registry that was opened for one command: every question has a deadline, and ends with the program. */
export class RegistrySession implements AsyncDisposable {
  private constructor(
    readonly backend: RegistryBackend,
    private readonly timeoutMs: number,
    private readonly tools: CommandTools,
    private readonly signal: AbortSignal,
  ) {}

  /** @throws {ConfigError} ADDRESS_INVALID, UNKNOWN_REGISTRY. */
  static async open(
    places: Pick<RegistryOptions, "registry" | "metadataReport" | "timeout">,
    tools: CommandTools,
    signal: AbortSignal,
  ): Promise<RegistrySession> {
    return new RegistrySession(await openPlaces(places, tools), places.timeout, tools, signal);
  }

  /** @throws {RegistryError} REGISTRY_UNAVAILABLE: no answer in time; and what the registry throws. */
  async ask<T>(question: (backend: RegistryBackend, signal: AbortSignal) => Promise<T>): Promise<T> {
    const { registry, metadataReport } = this.backend;
    const late = () => lateError(registry.name, this.timeoutMs, registry.failure ?? metadataReport?.failure);
    using limit = deadline(this.tools.runtime.clock, this.timeoutMs, late, this.signal);
    return await abortable(question(this.backend, limit.signal), limit.signal);
  }

  async applications(): Promise<readonly string[]> {
    const names = await this.ask(({ registry }, signal) => registry.applications(signal));
    return [...names].sort();
  }

  instances(application: string): Promise<readonly ServiceInstance[]> {
    return this.ask(({ registry }, signal) => registry.get(application, signal));
  }

  /** The applications that are mapped to the interface; none where the registry keeps no mapping. */
  async mapping(serviceInterface: string): Promise<readonly string[]> {
    const record = await this.ask(({ metadataReport }, signal) =>
      metadataReport === undefined
        ? Promise.resolve(undefined)
        : metadataReport.readMapping(serviceInterface, signal),
    );
    return [...(record?.applications ?? [])];
  }

  [Symbol.asyncDispose](): PromiseLike<void> {
    return this.backend[Symbol.asyncDispose]();
  }
}

/** That `name` did not answer, and why, as far as that is known; with the code of what will not pass by itself. */
export function lateError(name: string, timeoutMs: number, cause: RegistryError | undefined): RegistryError {
  const why = cause === undefined ? "" : `: ${cause.message.replace(`${name}: `, "")}`;
  const text = `${name}: no answer in ${timeoutMs} ms${why}`;
  return new RegistryError(cause?.code ?? "REGISTRY_UNAVAILABLE", text, { cause: cause?.cause });
}

/**
 * A registry, with the metadata report that is named beside it in the place of its own.
 * @throws {ConfigError} ADDRESS_INVALID, UNKNOWN_REGISTRY.
 */
export async function openPlaces(
  { registry, metadataReport }: Pick<RegistryOptions, "registry" | "metadataReport">,
  tools: Pick<CommandTools, "openRegistry" | "openCenter">,
): Promise<RegistryBackend> {
  if (metadataReport === undefined) return tools.openRegistry(registry);
  const scope = new DisposalScope();
  const center = scope.use(await tools.openCenter(metadataReport));
  try {
    const backend = scope.use(await tools.openRegistry(registry));
    const { registry: instances, loopbackOnly, configCenter } = backend;
    return {
      registry: instances,
      metadataReport: center.metadataReport,
      configCenter,
      loopbackOnly,
      [Symbol.asyncDispose]: () => scope[Symbol.asyncDispose](),
    };
  } catch (error) {
    await scope[Symbol.asyncDispose]();
    throw error;
  }
}

/** Asks about each of `items`, some at a time, and says how far it is. */
export async function forEachOf<T, R>(
  items: readonly T[],
  what: string,
  { status }: CommandIo,
  ask: (item: T) => Promise<R>,
): Promise<R[]> {
  const results: R[] = [];
  let next = 0;
  let done = 0;
  const worker = async () => {
    for (let index = next++; index < items.length; index = next++) {
      results[index] = await ask(items[index] as T);
      done += 1;
      status?.(`${what} ${done}/${items.length}`);
    }
  };
  try {
    await Promise.all(Array.from({ length: Math.min(concurrency, items.length) }, worker));
  } finally {
    status?.("");
  }
  return results;
}
