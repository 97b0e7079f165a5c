import { RegistryError, type Runtime, type ServiceInstance, systemRuntime } from "@dubbo-ts/core";
import type { InstanceSet, Registration, Registry } from "@dubbo-ts/discovery";
import { type EtcdClient, LeasedKey, watchKeys } from "@dubbo-ts/etcd-client";
import { failureOf, registrationError, registryError } from "./errors.js";
import { type EtcdConnection, etcdConnection, type EtcdOptions } from "./etcd-connection.js";
import { GoConsumers } from "./go-consumers.js";
import { encodeInstanceJson } from "./instance-json.js";
import { InstanceReader } from "./instance-reader.js";

/**
 * The {@link Registry} on etcd, in the layout that dubbo-go reads and writes (app-level discovery 2.7). Opens while the
 * server is away, too, unless `waitForServerMs` says otherwise.
 * @param options a connection that is shared is not closed with the registry.
 * @throws {ConfigError} ADDRESS_INVALID. @throws {RegistryError} see {@link etcdConnection}.
 */
export async function etcdRegistry(
  options: EtcdOptions | { readonly connection: EtcdConnection },
  runtime: Runtime = systemRuntime,
): Promise<Registry> {
  if ("connection" in options) return new EtcdRegistry(options.connection, false);
  return new EtcdRegistry(await etcdConnection(options, runtime), true);
}

/** A key that is kept, and the registration that may give it up: the latest of its address. */
interface Held {
  readonly application: string;
  readonly key: LeasedKey;
  holder: symbol | undefined;
}

class EtcdRegistry implements Registry {
  readonly name: string;
  readonly #client: EtcdClient;
  readonly #root: string;
  readonly #closing = new AbortController();
  readonly #held = new Map<string, Held>();
  readonly #leaving = new Map<string, Promise<void>>();
  /** By application. */
  readonly #goConsumers = new Map<string, GoConsumers>();
  #closed: Promise<void> | undefined;

  constructor(
    private readonly connection: EtcdConnection,
    private readonly owned: boolean,
  ) {
    this.name = connection.name;
    this.#client = connection.client;
    this.#root = connection.instancesRoot;
  }

  get failure(): RegistryError | undefined {
    return failureOf(this.connection.name, this.#client);
  }

  async register(instance: ServiceInstance, signal: AbortSignal): Promise<Registration> {
    signal.throwIfAborted();
    const path = this.#keyOf(instance);
    await this.#leaving.get(path);
    if (this.#closing.signal.aborted) throw closedError(this.name);
    const value = encodeInstanceJson(instance);
    const holder = Symbol(instance.id);
    const before = this.#held.get(path);
    const held = before ?? this.#hold(path, instance.application, value);
    const heldBefore = held.holder;
    held.holder = holder;
    try {
      await held.key.update(value, signal);
    } catch (error) {
      if (before === undefined) await this.#release(path, holder);
      else if (held.holder === holder) held.holder = heldBefore;
      throw registrationError(this.connection, nameOf(instance), error, signal);
    }
    return {
      update: (next, updateSignal) => this.#update(path, held, next, updateSignal),
      [Symbol.asyncDispose]: () => this.#release(path, holder),
    };
  }

  async get(application: string, signal: AbortSignal): Promise<readonly ServiceInstance[]> {
    signal.throwIfAborted();
    const prefix = this.#prefixOf(application);
    return this.#translated(async () => {
      const { entries } = await this.#client.list({ prefix }, { signal: this.#ending(signal) });
      return this.#reader(application, prefix).read(entries);
    });
  }

  async *watch(application: string, signal: AbortSignal): AsyncGenerator<InstanceSet, void, undefined> {
    const prefix = this.#prefixOf(application);
    const reader = this.#reader(application, prefix);
    let last: InstanceSet | undefined;
    for await (const { entries, settled } of this.#snapshots(prefix, signal)) {
      const instances = reader.read(entries.values());
      if (last?.instances === instances && (last.settled || !settled)) continue;
      yield (last = { instances, settled });
    }
  }

  async applications(signal: AbortSignal): Promise<readonly string[]> {
    signal.throwIfAborted();
    return this.#translated(async () => {
      const limits = { signal: this.#ending(signal), keysOnly: true };
      const { entries } = await this.#client.list({ prefix: this.#root }, limits);
      return this.#applicationsIn(entries.map(({ key }) => key));
    });
  }

  async *watchApplications(signal: AbortSignal): AsyncGenerator<readonly string[], void, undefined> {
    let last: string | undefined;
    for await (const { entries } of this.#snapshots(this.#root, signal)) {
      const names = this.#applicationsIn(entries.keys());
      const text = names.join("/");
      if (text === last) continue;
      last = text;
      yield names;
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    this.#closing.abort(closedError(this.name));
    const ending = [...this.#goConsumers.values(), ...[...this.#held.values()].map(({ key }) => key)];
    this.#goConsumers.clear();
    this.#held.clear();
    await Promise.all([...ending.map((one) => one[Symbol.asyncDispose]()), ...this.#leaving.values()]);
    if (this.owned) await this.connection[Symbol.asyncDispose]();
  }

  #hold(path: string, application: string, value: Buffer): Held {
    const { lease } = this.connection;
    const key = new LeasedKey(this.#client, { key: path, value, lease, writeTwice: true });
    const held = { key, application, holder: undefined };
    this.#held.set(path, held);
    this.#goConsumersOf(application).add(path, key);
    return held;
  }

  #goConsumersOf(application: string): GoConsumers {
    let found = this.#goConsumers.get(application);
    if (found === undefined) {
      const { client, runtime, resyncMs } = this.connection;
      found = new GoConsumers({ client, runtime, resyncMs, prefix: this.#prefixOf(application) });
      this.#goConsumers.set(application, found);
    }
    return found;
  }

  /** Whoever registered the same address again has it now. */
  async #release(path: string, holder: symbol): Promise<void> {
    const held = this.#held.get(path);
    if (held?.holder === holder) {
      this.#held.delete(path);
      const left = this.#leave(path, held).finally(() => this.#leaving.delete(path));
      this.#leaving.set(path, left);
    }
    await this.#leaving.get(path);
  }

  async #leave(path: string, { key, application }: Held): Promise<void> {
    const goConsumers = this.#goConsumers.get(application);
    goConsumers?.remove(path);
    if (goConsumers?.isEmpty) this.#goConsumers.delete(application);
    await Promise.all([
      key[Symbol.asyncDispose](),
      goConsumers?.isEmpty ? goConsumers[Symbol.asyncDispose]() : undefined,
    ]);
  }

  async #update(path: string, held: Held, next: ServiceInstance, signal: AbortSignal): Promise<void> {
    if (this.#keyOf(next) !== path)
      throw new RegistryError("INSTANCE_INVALID", `${next.id} of ${next.application} is another instance`);
    try {
      await held.key.update(encodeInstanceJson(next), signal);
    } catch (error) {
      throw registrationError(this.connection, nameOf(next), error, signal);
    }
  }

  #reader(application: string, prefix: string): InstanceReader {
    return new InstanceReader(application, prefix, this.connection.runtime.log);
  }

  /** Java's adapter leaves a key at the application itself; it counts as one that is known. */
  #applicationsIn(keys: Iterable<string>): readonly string[] {
    const names = new Set<string>();
    for (const key of keys) names.add(key.slice(this.#root.length).split("/", 1)[0] ?? "");
    names.delete("");
    return [...names].sort();
  }

  async *#snapshots(prefix: string, signal: AbortSignal) {
    const { settleMs, resyncMs } = this.connection;
    try {
      yield* watchKeys(this.#client, { prefix }, { signal: this.#ending(signal), settleMs, resyncMs });
    } catch (error) {
      if (!this.#closing.signal.aborted) throw registryError(this.name, error);
    }
  }

  /** Aborts with `signal`, and when the registry is closed. */
  #ending(signal: AbortSignal): AbortSignal {
    return AbortSignal.any([signal, this.#closing.signal]);
  }

  async #translated<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      throw registryError(this.name, error);
    }
  }

  /** `host:port` below the application: two processes with one address are one instance. */
  #keyOf({ id, application }: ServiceInstance): string {
    if (id === "" || id.includes("/"))
      throw new RegistryError("INSTANCE_INVALID", `${JSON.stringify(id)} of ${application} is no host:port`);
    return `${this.#prefixOf(application)}${id}`;
  }

  #prefixOf(application: string): string {
    if (application === "" || application.includes("/"))
      throw new RegistryError(
        "INSTANCE_INVALID",
        `${JSON.stringify(application)} is no name of an application`,
      );
    return `${this.#root}${application}/`;
  }
}

function closedError(name: string): RegistryError {
  return new RegistryError("REGISTRY_UNAVAILABLE", `${name}: the registry was closed`);
}

/** For messages. */
function nameOf({ id, application }: ServiceInstance): string {
  return `${id} of ${application}`;
}
