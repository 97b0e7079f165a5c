import { randomUUID } from "node:crypto";
import { mkdir, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import {
  decodeInstance,
  DisposalScope,
  encodeInstance,
  RegistryError,
  type Runtime,
  type ServiceInstance,
  systemRuntime,
} from "@dubbo-ts/core";
import type { InstanceSet, Registration, Registry } from "@dubbo-ts/discovery";
import { poll } from "./poll.js";

/** Instances as files: `directory/application/host:port`. For processes of one machine. */
export function fileRegistry(directory: string, runtime: Runtime = systemRuntime): Registry {
  return new FileRegistry(directory, runtime);
}

class FileRegistry implements Registry {
  readonly name: string;
  readonly #closing = new AbortController();
  readonly #registrations = new Set<FileRegistration>();

  constructor(
    private readonly directory: string,
    private readonly runtime: Runtime,
  ) {
    this.name = `file://${directory}`;
  }

  async register(instance: ServiceInstance, signal: AbortSignal): Promise<Registration> {
    this.#check(signal);
    const registration = new FileRegistration(this.directory, instance, () =>
      this.#registrations.delete(registration),
    );
    this.#registrations.add(registration);
    await registration.update(instance, signal);
    return registration;
  }

  async get(application: string, signal: AbortSignal): Promise<readonly ServiceInstance[]> {
    this.#check(signal);
    const texts = await readTexts(join(this.directory, encodeURIComponent(application)));
    return texts.flatMap((text) => instanceOf(application, text) ?? []);
  }

  watch(application: string, signal: AbortSignal): AsyncIterable<InstanceSet> {
    const folder = join(this.directory, encodeURIComponent(application));
    // Unchanged instances are the same objects, so a reader compares by identity.
    let known = new Map<string, ServiceInstance | undefined>();
    let set: InstanceSet | undefined;
    const read = async () => {
      const texts = await readTexts(folder);
      if (set !== undefined && texts.length === known.size && texts.every((text) => known.has(text)))
        return set;
      known = new Map(texts.map((text) => [text, known.get(text) ?? instanceOf(application, text)]));
      const instances = [...known.values()].filter((instance) => instance !== undefined);
      // A file system does not forget what it knew: what it says is always settled.
      return (set = { instances, settled: true });
    };
    return this.#poll(read, signal);
  }

  async applications(signal: AbortSignal): Promise<readonly string[]> {
    this.#check(signal);
    return (await readNames(this.directory)).map(decodeURIComponent);
  }

  watchApplications(signal: AbortSignal): AsyncIterable<readonly string[]> {
    let names: readonly string[] | undefined;
    return this.#poll(async () => {
      const now = (await readNames(this.directory)).map(decodeURIComponent);
      return names?.join("\n") === now.join("\n") ? names : (names = now);
    }, signal);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort();
    const scope = new DisposalScope();
    for (const registration of this.#registrations) scope.use(registration);
    await scope[Symbol.asyncDispose]();
  }

  #poll<T>(read: () => Promise<T>, signal: AbortSignal): AsyncIterable<T> {
    return poll(read, this.runtime.clock, AbortSignal.any([signal, this.#closing.signal]));
  }

  #check(signal: AbortSignal): void {
    signal.throwIfAborted();
    if (this.#closing.signal.aborted)
      throw new RegistryError("REGISTRY_UNAVAILABLE", `${this.name} is closed`);
  }
}

class FileRegistration implements Registration {
  /** Tells our record from one that another process wrote under the same address. */
  readonly #owner = randomUUID();
  /** One write after the other, so that later calls win. */
  #writes: Promise<void> = Promise.resolve();
  #removed: Promise<void> | undefined;

  constructor(
    private readonly directory: string,
    private readonly instance: ServiceInstance,
    private readonly onRemoved: () => void,
  ) {}

  update(instance: ServiceInstance, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    if (this.#removed !== undefined)
      throw new RegistryError("REGISTRY_REFUSED", `${instance.id} is deregistered`);
    this.#writes = this.#writes.catch(() => {}).then(() => this.#write(instance));
    return this.#writes;
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#removed ??= this.#writes.catch(() => {}).then(() => this.#remove());
    return this.#removed;
  }

  get #folder(): string {
    return join(this.directory, encodeURIComponent(this.instance.application));
  }

  get #path(): string {
    return join(this.#folder, encodeURIComponent(this.instance.id));
  }

  /** A rename: readers see the old record or the new one, never half of it and never none. */
  async #write(instance: ServiceInstance): Promise<void> {
    const { host, port, weight, enabled, healthy } = instance;
    const record = {
      host,
      port,
      weight,
      enabled,
      healthy,
      metadata: encodeInstance(instance),
      owner: this.#owner,
    };
    await mkdir(this.#folder, { recursive: true });
    const next = `${this.#path}.${this.#owner}.tmp`;
    await writeFile(next, JSON.stringify(record));
    await rename(next, this.#path);
  }

  async #remove(): Promise<void> {
    const text = await readFile(this.#path, "utf8").catch(() => "");
    if (text.includes(this.#owner)) await rm(this.#path, { force: true });
    this.onRemoved();
  }
}

/** Undefined: a record that cannot be read is left out, and the others stay. */
function instanceOf(application: string, text: string): ServiceInstance | undefined {
  try {
    return decodeInstance({ ...JSON.parse(text), application });
  } catch {
    return undefined;
  }
}

async function readTexts(folder: string): Promise<readonly string[]> {
  const names = (await readNames(folder)).filter((name) => !name.endsWith(".tmp"));
  const texts = await Promise.all(names.map((name) => readFile(join(folder, name), "utf8").catch(() => "")));
  return texts.filter((text) => text !== "");
}

async function readNames(folder: string): Promise<readonly string[]> {
  const names = await readdir(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return [];
    throw new RegistryError("REGISTRY_UNAVAILABLE", `${folder} cannot be read`, { cause: error });
  });
  return names.sort((a, b) => (a < b ? -1 : 1));
}
