import {
  deadline,
  encodeInstance,
  RegistryError,
  type Runtime,
  type ServiceInstance,
  sleep,
} from "@dubbo-ts/core";
import type { InstanceSet, Registration, Registry } from "@dubbo-ts/discovery";
import { NacosError, type NacosNaming, type NewInstance, type ServiceName } from "@dubbo-ts/nacos-client";
import { failureOf, registryError } from "./errors.js";
import { HostDecoder } from "./host-decoder.js";
import type { NamespaceCheck } from "./namespace-check.js";

/** What {@link NacosRegistry} needs. */
export interface NacosRegistryOptions {
  readonly name: string;
  /** Closed with the registry. */
  readonly naming: NacosNaming;
  /** Closed with the registry too. */
  readonly namespaces: NamespaceCheck;
  readonly runtime: Runtime;
  readonly group: string;
  readonly cluster: string;
  readonly applicationsPollMs: number;
}

/** When a server that looked like a stranger is looked at again. */
const secondLookMs = 500;
/** What a farewell may take (registries F4, 9). */
const leaveMs = 2_000;
/** Keys and values of an instance together: more is refused by servers from 2.3 on (app-level discovery 2.5). */
const maxMetadataLength = 1_024;
/** Servers from 3.1 on, when they are told to validate (nacos-server 4). */
const noSuchNamespace = 22_001;

/**
 * The {@link Registry} on Nacos, in the layout that Java and Go share (app-level discovery 2.5): the service is the
 * application, ephemeral instances with weight 1 unless told otherwise.
 */
export class NacosRegistry implements Registry {
  readonly name: string;
  readonly #options: NacosRegistryOptions;
  /** Who registered an address last: only that registration may take it away. */
  readonly #holders = new Map<string, symbol>();
  /** Who was disposed while a later registration of the same address was on its way: that one may still fail. */
  readonly #leftBehind = new Set<symbol>();
  readonly #closing = new AbortController();
  #closed: Promise<void> | undefined;

  /** Use {@link nacosRegistry} or {@link openNacos}. */
  constructor(options: NacosRegistryOptions) {
    this.name = options.name;
    this.#options = options;
  }

  get failure(): RegistryError | undefined {
    return failureOf(this.name, this.#options.naming.state);
  }

  async register(instance: ServiceInstance, signal: AbortSignal): Promise<Registration> {
    signal.throwIfAborted();
    const key = keyOf(instance);
    const holder = Symbol(key);
    const before = this.#holders.get(key);
    this.#holders.set(key, holder);
    try {
      await this.#announce(instance, signal);
    } catch (error) {
      await this.#restore(key, holder, before, instance);
      throw error;
    } finally {
      if (before !== undefined) this.#leftBehind.delete(before);
    }
    return {
      update: (next, updateSignal) => this.#update(key, next, updateSignal),
      [Symbol.asyncDispose]: () => this.#release(key, holder, instance),
    };
  }

  async get(application: string, signal: AbortSignal): Promise<readonly ServiceInstance[]> {
    signal.throwIfAborted();
    const { naming, runtime } = this.#options;
    const service = this.#serviceOf(application);
    const { hosts } = await this.#translated(() => naming.query(service, signal));
    return new HostDecoder(application, runtime.log).decode(hosts);
  }

  async *watch(application: string, signal: AbortSignal): AsyncGenerator<InstanceSet, void, undefined> {
    const { naming, runtime } = this.#options;
    const decoder = new HostDecoder(application, runtime.log);
    try {
      for await (const { hosts, settled } of naming.subscribe(this.#serviceOf(application), signal))
        yield { instances: decoder.decode(hosts), settled };
    } catch (error) {
      if (!this.#closing.signal.aborted && !signal.aborted) throw registryError(this.name, error);
    }
  }

  async applications(signal: AbortSignal): Promise<readonly string[]> {
    signal.throwIfAborted();
    const { naming, group } = this.#options;
    return this.#translated(async () => [...(await naming.services(signal, group))].sort());
  }

  /** Nacos does not tell of new services before 3.0, so the names are read again and again. */
  async *watchApplications(signal: AbortSignal): AsyncGenerator<readonly string[], void, undefined> {
    const { runtime, applicationsPollMs } = this.#options;
    const either = AbortSignal.any([signal, this.#closing.signal]);
    let known: string | undefined;
    while (!either.aborted) {
      const names = await this.applications(either).catch((error: unknown) => {
        runtime.log.debug(
          { err: error, registry: this.name },
          "the names of the applications cannot be read",
        );
        return undefined;
      });
      if (names !== undefined && names.join("\n") !== known) {
        known = names.join("\n");
        yield names;
      }
      const pauseMs = applicationsPollMs * (0.75 + runtime.random() / 2);
      await sleep(runtime.clock, pauseMs, either, { background: true }).catch(() => {});
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort(new RegistryError("REGISTRY_UNAVAILABLE", `${this.name}: the registry was closed`));
    const { naming, namespaces } = this.#options;
    this.#closed ??= Promise.all([naming.close(), namespaces[Symbol.asyncDispose]()]).then(() => {});
    return this.#closed;
  }

  async #update(key: string, next: ServiceInstance, signal: AbortSignal): Promise<void> {
    if (keyOf(next) !== key)
      throw new RegistryError(
        "INSTANCE_INVALID",
        `${next.id} of ${next.application} is not the instance ${key}`,
      );
    await this.#announce(next, signal);
  }

  async #announce(instance: ServiceInstance, signal: AbortSignal): Promise<void> {
    const host = this.#hostOf(instance);
    const service = this.#serviceOf(instance.application);
    try {
      // A signal of its own: many registrations may share the caller's.
      const either = AbortSignal.any([signal, this.#closing.signal]);
      await this.#untilKnown(either);
      await this.#options.naming.register(service, host, either);
    } catch (error) {
      const { state } = this.#options.naming;
      if (!signal.aborted || error !== signal.reason || state.status === "connected")
        throw await this.#explained(error);
      const what = `${this.name}: ${instance.id} of ${instance.application} is not registered`;
      const why = state.lastError?.message ?? "no server has answered";
      const code = state.lastError?.code === "NOT_NACOS" ? "REGISTRY_WRONG_SERVER" : "REGISTRY_UNAVAILABLE";
      throw new RegistryError(code, `${what}: ${why}`, { cause: error });
    }
  }

  /**
   * Waits for a server, and fails soon where something else listens: what is registered would be kept and tried for
   * ever. One that is only away is waited for with the registration; one that is being restarted may look like a
   * stranger for a moment.
   */
  async #untilKnown(signal: AbortSignal): Promise<void> {
    for (let looks = 1; ; looks += 1)
      try {
        await this.#options.naming.ready(signal);
        return;
      } catch (error) {
        const isFinal = error instanceof NacosError && ["NOT_NACOS", "UNSUPPORTED"].includes(error.code);
        if (!isFinal) return;
        if (looks === 2) throw error;
        await sleep(this.#options.runtime.clock, secondLookMs, signal);
      }
  }

  /** A registration that failed takes nothing over; what it kept its predecessor from taking away goes now. */
  async #restore(
    key: string,
    holder: symbol,
    before: symbol | undefined,
    instance: ServiceInstance,
  ): Promise<void> {
    if (this.#holders.get(key) !== holder) return;
    if (before === undefined) return void this.#holders.delete(key);
    this.#holders.set(key, before);
    if (this.#leftBehind.has(before)) await this.#release(key, before, instance);
  }

  async #release(key: string, holder: symbol, instance: ServiceInstance): Promise<void> {
    if (this.#holders.get(key) !== holder) {
      this.#leftBehind.add(holder);
      return;
    }
    this.#holders.delete(key);
    if (this.#closed !== undefined) return await this.#closed;
    const { naming, runtime, cluster } = this.#options;
    const { host: ip, port, application } = instance;
    using limit = deadline(
      runtime.clock,
      leaveMs,
      () => new Error(`no answer in ${leaveMs} ms`),
      this.#closing.signal,
    );
    try {
      await naming.deregister(this.#serviceOf(application), { ip, port, clusterName: cluster }, limit.signal);
    } catch (error) {
      // Not wanted any more all the same: the client goes on trying, and the connection's end removes it too.
      const fields = { err: error, registry: this.name, instance: key };
      if (!this.#closing.signal.aborted) runtime.log.warn(fields, "deregistering takes long");
    }
  }

  #hostOf(instance: ServiceInstance): NewInstance {
    const metadata = encodeInstance(instance);
    checkSize(instance, metadata);
    const { host: ip, port, weight, enabled, healthy } = instance;
    return { ip, port, weight, enabled, healthy, clusterName: this.#options.cluster, metadata };
  }

  /** Java writes `$` as `___` (`NacosServiceDiscovery.java`); no other character of an application's name is touched. */
  #serviceOf(application: string): ServiceName {
    return { name: application.replaceAll("$", "___"), group: this.#options.group };
  }

  async #translated<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      throw await this.#explained(error);
    }
  }

  /** A server that validates namespaces does not say which there are. */
  async #explained(cause: unknown): Promise<unknown> {
    const error = registryError(this.name, cause);
    if (!(cause instanceof NacosError) || cause.serverCode !== noSuchNamespace) return error;
    const text = `${this.name}: ${cause.message}${await this.#options.namespaces.hint()}`;
    return new RegistryError("REGISTRY_REFUSED", text, { cause });
  }
}

function keyOf({ application, id }: ServiceInstance): string {
  return `${application}@${id}`;
}

/** Found before it is sent: the server names neither the keys nor their sizes. */
function checkSize({ id, application }: ServiceInstance, metadata: Readonly<Record<string, string>>): void {
  const sizes = Object.entries(metadata).map(([key, value]) => ({ key, size: key.length + value.length }));
  const total = sizes.reduce((sum, { size }) => sum + size, 0);
  if (total <= maxMetadataLength) return;
  const list = sizes
    .sort((a, b) => b.size - a.size)
    .map(({ key, size }) => `${key} ${size}`)
    .join(", ");
  throw new RegistryError(
    "INSTANCE_METADATA_TOO_LARGE",
    `metadata of ${id} of ${application} has ${total} characters, Nacos takes ${maxMetadataLength}: ${list}`,
  );
}
