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
import { LeasedKey, watchKeys } from "@dubbo-ts/etcd-client";
import { registrationError, registryError } from "./errors.js";
import { type EtcdConnection, etcdConnection, type EtcdOptions } from "./etcd-connection.js";

const nothing = Buffer.alloc(0);

/**
 * The {@link InterfaceRegistry} on etcd as dubbo-go keeps it: `/{group or dubbo}/{interface}/providers/{encoded URL}`
 * with an empty value and the connection's lease (app-level discovery 11.3). Of Go's consumers only those without a
 * group find what has one: they read `/dubbo` whatever the group.
 * @param options a connection that is shared is not closed with the registry.
 * @throws {ConfigError} ADDRESS_INVALID. @throws {RegistryError} see {@link etcdConnection}.
 */
export async function etcdInterfaceRegistry(
  options: EtcdOptions | { readonly connection: EtcdConnection },
  runtime: Runtime = systemRuntime,
): Promise<InterfaceRegistry> {
  if ("connection" in options) return new EtcdInterfaceRegistry(options.connection, false);
  return new EtcdInterfaceRegistry(await etcdConnection(options, runtime), true);
}

class EtcdInterfaceRegistry implements InterfaceRegistry {
  readonly name: string;
  readonly #closing = new AbortController();
  readonly #records: UrlRecords;
  #closed: Promise<void> | undefined;

  constructor(
    private readonly connection: EtcdConnection,
    private readonly owned: boolean,
  ) {
    this.name = connection.name;
    this.#records = new UrlRecords({
      pathOf: (url) => `${this.#providersOf(url.key.serviceInterface)}${encodeServiceUrl(url)}`,
      keep: (key) => new LeasedKey(connection.client, { key, value: nothing, lease: connection.lease }),
      translated: (url, error, signal) => registrationError(connection, serviceUrlId(url), error, signal),
    });
  }

  register(url: ServiceUrl, signal: AbortSignal): Promise<InterfaceRegistration> {
    return this.#records.register(url, signal);
  }

  async get({ serviceInterface }: ServiceKey, signal: AbortSignal): Promise<readonly ServiceUrl[]> {
    signal.throwIfAborted();
    const prefix = this.#providersOf(serviceInterface);
    try {
      const limits = { signal: this.#ending(signal), keysOnly: true };
      const { entries } = await this.connection.client.list({ prefix }, limits);
      return this.#reader(prefix).read(
        namesBelow(
          prefix,
          entries.map(({ key }) => key),
        ),
      );
    } catch (error) {
      throw registryError(this.name, error);
    }
  }

  async *watch(
    { serviceInterface }: ServiceKey,
    signal: AbortSignal,
  ): AsyncGenerator<ServiceUrlSet, void, undefined> {
    const { client, settleMs, resyncMs } = this.connection;
    const prefix = this.#providersOf(serviceInterface);
    const reader = this.#reader(prefix);
    let last: ServiceUrlSet | undefined;
    try {
      const snapshots = watchKeys(client, { prefix }, { signal: this.#ending(signal), settleMs, resyncMs });
      for await (const { entries, settled } of snapshots) {
        const urls = reader.read(namesBelow(prefix, entries.keys()));
        if (last?.urls === urls && (last.settled || !settled)) continue;
        yield (last = { urls, settled });
      }
    } catch (error) {
      if (!this.#closing.signal.aborted) throw registryError(this.name, error);
    }
  }

  async interfaces(signal: AbortSignal): Promise<readonly string[]> {
    signal.throwIfAborted();
    const { metadataRoot, client } = this.connection;
    try {
      const limits = { signal: this.#ending(signal), keysOnly: true };
      const { entries } = await client.list({ prefix: metadataRoot }, limits);
      const names = new Set<string>();
      for (const { key } of entries) {
        const [name = "", category] = key.slice(metadataRoot.length).split("/");
        const found = category === "providers" ? interfaceNamed(name) : undefined;
        if (found !== undefined) names.add(found);
      }
      return [...names].sort();
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

  #reader(prefix: string): ServiceUrlReader {
    return new ServiceUrlReader(prefix, this.connection.runtime.log);
  }

  /** With its slash at the end: the key without it is a marker of Go's. */
  #providersOf(serviceInterface: string): string {
    return `${this.connection.metadataRoot}${formEncoded(serviceInterface)}/providers/`;
  }

  /** Aborts with `signal`, and when the registry is closed. */
  #ending(signal: AbortSignal): AbortSignal {
    return AbortSignal.any([signal, this.#closing.signal]);
  }
}

function* namesBelow(prefix: string, keys: Iterable<string>): Iterable<string> {
  for (const key of keys) {
    const name = key.slice(prefix.length);
    if (name !== "" && !name.includes("/")) yield name;
  }
}
