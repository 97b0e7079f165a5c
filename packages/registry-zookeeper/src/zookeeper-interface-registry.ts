import { setMaxListeners } from "node:events";
import { RegistryError, type Runtime, type ServiceKey, systemRuntime } from "@dubbo-ts/core";
import {
  encodeServiceUrl,
  formEncoded,
  interfaceNamed,
  type InterfaceRegistration,
  type InterfaceRegistry,
  type ServiceUrl,
  type ServiceUrlSet,
  serviceUrlId,
  ServiceUrlReader,
  UrlRecords,
} from "@dubbo-ts/discovery";
import { EphemeralNode, follow, isZooKeeperError, readChildren } from "@dubbo-ts/zookeeper-client";
import { registrationError, registryError } from "./errors.js";
import {
  type ZooKeeperConnection,
  type ZooKeeperOptions,
  zookeeperConnection,
} from "./zookeeper-connection.js";

const nothing = Buffer.alloc(0);

/**
 * The {@link InterfaceRegistry} on ZooKeeper: `/{group or dubbo}/{interface}/providers/{encoded URL}`, ephemeral and
 * without data (app-level discovery 11.1). Consumers are not registered: only Java's console shows them.
 * @param options a connection that is shared is not closed with the registry.
 * @throws {ConfigError} ADDRESS_INVALID. @throws {RegistryError} see {@link zookeeperConnection}.
 */
export async function zookeeperInterfaceRegistry(
  options: ZooKeeperOptions | { readonly connection: ZooKeeperConnection },
  runtime: Runtime = systemRuntime,
): Promise<InterfaceRegistry> {
  if ("connection" in options) return new ZooKeeperInterfaceRegistry(options.connection, false);
  return new ZooKeeperInterfaceRegistry(await zookeeperConnection(options, runtime), true);
}

class ZooKeeperInterfaceRegistry implements InterfaceRegistry {
  readonly name: string;
  readonly #closing = new AbortController();
  readonly #records: UrlRecords;
  #closed: Promise<void> | undefined;

  constructor(
    private readonly connection: ZooKeeperConnection,
    private readonly owned: boolean,
  ) {
    this.name = connection.name;
    this.#records = new UrlRecords({
      pathOf: (url) => `${this.#providersOf(url.key.serviceInterface)}/${encodeServiceUrl(url)}`,
      keep: (path) =>
        new EphemeralNode(connection.client, {
          path,
          data: nothing,
          parents: "persistent",
          verifyMs: connection.resyncMs,
        }),
      translated: (url, error, signal) => registrationError(connection, serviceUrlId(url), error, signal),
    });
  }

  register(url: ServiceUrl, signal: AbortSignal): Promise<InterfaceRegistration> {
    return this.#records.register(url, signal);
  }

  async get(service: ServiceKey, signal: AbortSignal): Promise<readonly ServiceUrl[]> {
    signal.throwIfAborted();
    const path = this.#providersOf(service.serviceInterface);
    const either = this.#ending(signal);
    try {
      await this.connection.client.sync(path, { signal: either });
      return new ServiceUrlReader(path, this.connection.runtime.log).read(
        await this.#childrenOf(path, either),
      );
    } catch (error) {
      throw registryError(this.name, error);
    }
  }

  async *watch(service: ServiceKey, signal: AbortSignal): AsyncGenerator<ServiceUrlSet, void, undefined> {
    const { client, settleMs, resyncMs, runtime } = this.connection;
    const path = this.#providersOf(service.serviceInterface);
    const reader = new ServiceUrlReader(path, runtime.log);
    const read = async (pass: Parameters<typeof readChildren>[2]) =>
      reader.read([...((await readChildren(client, path, pass))?.names ?? [])].sort());
    try {
      const sets = follow(client, read, { signal: this.#ending(signal), settleMs, resyncMs });
      for await (const { value, settled } of sets) yield { urls: value, settled };
    } catch (error) {
      if (!this.#closing.signal.aborted) throw registryError(this.name, error);
    }
  }

  async interfaces(signal: AbortSignal): Promise<readonly string[]> {
    signal.throwIfAborted();
    try {
      const names = await this.#childrenOf(this.connection.metadataRoot, this.#ending(signal));
      return names.flatMap((name) => interfaceNamed(name) ?? []);
    } catch (error) {
      throw registryError(this.name, error);
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    this.#closing.abort(new RegistryError("REGISTRY_UNAVAILABLE", `${this.name}: the registry was closed`));
    await this.#records[Symbol.asyncDispose]();
    if (this.owned) await this.connection[Symbol.asyncDispose]();
  }

  async #childrenOf(path: string, signal: AbortSignal): Promise<readonly string[]> {
    try {
      return [...(await this.connection.client.getChildren(path, { signal })).children].sort();
    } catch (error) {
      if (isZooKeeperError(error, "NO_NODE")) return [];
      throw error;
    }
  }

  #providersOf(serviceInterface: string): string {
    return `${this.connection.metadataRoot}/${formEncoded(serviceInterface)}/providers`;
  }

  /** Aborts with `signal`, and when the registry is closed. */
  #ending(signal: AbortSignal): AbortSignal {
    const either = AbortSignal.any([signal, this.#closing.signal]);
    setMaxListeners(0, either);
    return either;
  }
}
