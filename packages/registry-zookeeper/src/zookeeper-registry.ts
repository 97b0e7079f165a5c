import { setMaxListeners } from "node:events";
import { type Runtime, RegistryError, type ServiceInstance, systemRuntime } from "@dubbo-ts/core";
import type { InstanceSet, Registration, Registry } from "@dubbo-ts/discovery";
import {
  type Children,
  EphemeralNode,
  follow,
  isZooKeeperError,
  readChildren,
  type ZooKeeperClient,
} from "@dubbo-ts/zookeeper-client";
import { failureOf, registrationError, registryError } from "./errors.js";
import { encodeInstanceJson } from "./instance-json.js";
import { InstanceReader } from "./instance-reader.js";
import {
  type ZooKeeperConnection,
  type ZooKeeperOptions,
  zookeeperConnection,
} from "./zookeeper-connection.js";

/** Children that Dubbo keeps beside the applications where a group gives both one root. */
const notApplications: ReadonlySet<string> = new Set(["mapping", "metadata", "config"]);

/**
 * The {@link Registry} on ZooKeeper, in the layout of Curator's service discovery that Java and Go share (app-level
 * discovery 2.6). Opens while the server is away, too, unless `waitForServerMs` says otherwise.
 * @param options a connection that is shared is not closed with the registry.
 * @throws {ConfigError} ADDRESS_INVALID. @throws {RegistryError} see {@link zookeeperConnection}.
 */
export async function zookeeperRegistry(
  options: ZooKeeperOptions | { readonly connection: ZooKeeperConnection },
  runtime: Runtime = systemRuntime,
): Promise<Registry> {
  if ("connection" in options) return new ZooKeeperRegistry(options.connection, false);
  return new ZooKeeperRegistry(await zookeeperConnection(options, runtime), true);
}

/** A node that is kept, and the registration that may give it up: the latest of its address. */
interface Held {
  readonly node: EphemeralNode;
  holder: symbol | undefined;
}

class ZooKeeperRegistry implements Registry {
  readonly name: string;
  readonly #client: ZooKeeperClient;
  readonly #root: string;
  readonly #closing = new AbortController();
  readonly #held = new Map<string, Held>();
  readonly #leaving = new Map<string, Promise<void>>();
  #closed: Promise<void> | undefined;

  constructor(
    private readonly connection: ZooKeeperConnection,
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
    const path = `${this.#pathOf(instance.application)}/${nameOf(instance)}`;
    await this.#leaving.get(path);
    if (this.#closing.signal.aborted) throw closedError(this.name);
    const data = this.#encode(instance);
    const holder = Symbol(instance.id);
    const before = this.#held.get(path);
    const held = before ?? this.#hold(path, data);
    const heldBefore = held.holder;
    held.holder = holder;
    try {
      await held.node.update(data, signal);
    } catch (error) {
      if (before === undefined) await this.#release(path, holder);
      else if (held.holder === holder) held.holder = heldBefore;
      throw registrationError(this.connection, labelOf(instance), error, signal);
    }
    return {
      update: (next, updateSignal) => this.#update(path, held, next, updateSignal),
      [Symbol.asyncDispose]: () => this.#release(path, holder),
    };
  }

  async get(application: string, signal: AbortSignal): Promise<readonly ServiceInstance[]> {
    signal.throwIfAborted();
    const path = this.#pathOf(application);
    const reader = this.#reader(application, path);
    const either = this.#ending(signal);
    return this.#translated(async () => {
      await this.#client.sync(path, { signal: either });
      const children = await this.#children(path, either);
      return reader.read(children?.names ?? [], { signal: either });
    });
  }

  async *watch(application: string, signal: AbortSignal): AsyncGenerator<InstanceSet, void, undefined> {
    const path = this.#pathOf(application);
    const reader = this.#reader(application, path);
    const sets = follow(this.#client, (pass) => reader.follow(pass), { ...this.#following(signal), restMs });
    for await (const { value, settled } of this.#guarded(sets)) yield { instances: value, settled };
  }

  async applications(signal: AbortSignal): Promise<readonly string[]> {
    signal.throwIfAborted();
    return this.#translated(async () => this.#applicationsAmong(await this.#children(this.#root, signal)));
  }

  async *watchApplications(signal: AbortSignal): AsyncGenerator<readonly string[], void, undefined> {
    const names = follow(
      this.#client,
      async (pass) => this.#applicationsAmong(sorted(await readChildren(this.#client, this.#root, pass))),
      {
        ...this.#following(signal),
        settleMs: 0,
        same: (before: readonly string[], after: readonly string[]) => before.join("/") === after.join("/"),
      },
    );
    for await (const { value } of this.#guarded(names)) yield value;
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    this.#closing.abort(closedError(this.name));
    const leaving: PromiseLike<void>[] = [...this.#held.values()].map(({ node }) =>
      node[Symbol.asyncDispose](),
    );
    this.#held.clear();
    // The end of the session takes its nodes along: no need to wait for each.
    if (this.owned) leaving.push(this.connection[Symbol.asyncDispose]());
    await Promise.all([...leaving, ...this.#leaving.values()]);
  }

  #hold(path: string, data: Buffer): Held {
    const node = new EphemeralNode(this.#client, { path, data, verifyMs: this.connection.resyncMs });
    const held = { node, holder: undefined };
    this.#held.set(path, held);
    return held;
  }

  /** Whoever registered the same address again has it now. */
  async #release(path: string, holder: symbol): Promise<void> {
    const held = this.#held.get(path);
    if (held?.holder === holder) {
      this.#held.delete(path);
      const left = held.node[Symbol.asyncDispose]().finally(() => this.#leaving.delete(path));
      this.#leaving.set(path, left);
    }
    await this.#leaving.get(path);
  }

  async #update(path: string, held: Held, next: ServiceInstance, signal: AbortSignal): Promise<void> {
    if (`${this.#pathOf(next.application)}/${nameOf(next)}` !== path)
      throw new RegistryError("INSTANCE_INVALID", `${next.id} of ${next.application} is another instance`);
    try {
      await held.node.update(this.#encode(next), signal);
    } catch (error) {
      throw registrationError(this.connection, labelOf(next), error, signal);
    }
  }

  #encode(instance: ServiceInstance): Buffer {
    return encodeInstanceJson(instance, this.connection.runtime.clock.wallMs());
  }

  #reader(application: string, path: string): InstanceReader {
    return new InstanceReader(this.#client, application, path, this.connection.runtime.log);
  }

  async #children(path: string, signal: AbortSignal) {
    try {
      const { children, stat } = await this.#client.getChildren(path, { signal });
      return sorted({ names: children, stat });
    } catch (error) {
      if (isZooKeeperError(error, "NO_NODE")) return undefined;
      throw error;
    }
  }

  #applicationsAmong(children: Children): readonly string[] {
    const names = children?.names ?? [];
    if (this.#root !== this.connection.metadataRoot) return names;
    return names.filter((name) => !notApplications.has(name));
  }

  #following(signal: AbortSignal) {
    const { settleMs, resyncMs } = this.connection;
    return { signal: this.#ending(signal), settleMs, resyncMs };
  }

  /** Aborts with `signal`, and when the registry is closed. */
  #ending(signal: AbortSignal): AbortSignal {
    const either = AbortSignal.any([signal, this.#closing.signal]);
    // One listener for each child that is being read: no leak.
    setMaxListeners(0, either);
    return either;
  }

  async *#guarded<T>(stream: AsyncIterable<T>): AsyncGenerator<T, void, undefined> {
    try {
      yield* stream;
    } catch (error) {
      if (!this.#closing.signal.aborted) throw registryError(this.name, error);
    }
  }

  async #translated<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      throw registryError(this.name, error);
    }
  }

  #pathOf(application: string): string {
    if (["", ".", ".."].includes(application) || application.includes("/"))
      throw new RegistryError(
        "INSTANCE_INVALID",
        `${JSON.stringify(application)} is no name of an application`,
      );
    return `${this.#root}/${application}`;
  }
}

/** A list costs more to follow the longer it is, and is told of the more changes: those of a train are taken together. */
function restMs({ length }: readonly ServiceInstance[]): number {
  return Math.min(length / 10, 200);
}

function sorted(children: Children): Children {
  return children && { ...children, names: [...children.names].sort() };
}

/** `host:port`: two processes with one address are one instance. */
function nameOf({ id, application }: ServiceInstance): string {
  if (id === "" || id.includes("/"))
    throw new RegistryError("INSTANCE_INVALID", `${JSON.stringify(id)} of ${application} is no host:port`);
  return id;
}

function closedError(name: string): RegistryError {
  return new RegistryError("REGISTRY_UNAVAILABLE", `${name}: the registry was closed`);
}

/** The instance, for messages. */
function labelOf({ id, application }: ServiceInstance): string {
  return `${id} of ${application}`;
}
