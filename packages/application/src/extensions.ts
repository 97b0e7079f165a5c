import { ConfigError, type ErrorCode, type Runtime } from "@dubbo-ts/core";
import type { CenterConfig, ConfigCenter } from "@dubbo-ts/config";
import type { InterfaceRegistry, Registry } from "@dubbo-ts/discovery";
import type { MetadataReport } from "@dubbo-ts/metadata";
import type { ClientTls, Ports, Protocol, ServerTls } from "@dubbo-ts/rpc";

/** A server, opened: what it can keep of instances, of metadata and mapping, and of settings. */
export interface CenterBackend extends AsyncDisposable {
  /** Undefined: no instances. Such a one is no registry, but may be a metadata report or a configuration center. */
  readonly registry: Registry | undefined;
  /** Undefined, or left out: the center keeps no providers by interface, as Dubbo 2 does. */
  readonly interfaces?: InterfaceRegistry | undefined;
  /** Undefined: neither metadata nor mapping. */
  readonly metadataReport: MetadataReport | undefined;
  /** Undefined, or left out: the center keeps no settings. */
  readonly configCenter?: ConfigCenter | undefined;
  /** True: only processes of this machine see it, so providers listen on loopback unless told otherwise. */
  readonly loopbackOnly: boolean;
}

/** A {@link CenterBackend} that keeps instances. */
export interface RegistryBackend extends CenterBackend {
  readonly registry: Registry;
}

/**
 * The same backend, known to be a registry.
 * @param url for the message, without secrets.
 * @throws {ConfigError} UNKNOWN_REGISTRY: it keeps no instances.
 */
export function asRegistry(backend: CenterBackend, url: string): RegistryBackend {
  if (isRegistry(backend)) return backend;
  throw new ConfigError(
    "UNKNOWN_REGISTRY",
    `${url} keeps metadata and settings, but no instances: name it as metadata-report, and a registry beside it`,
  );
}

function isRegistry(backend: CenterBackend): backend is RegistryBackend {
  return backend.registry !== undefined;
}

/** What a registration center is opened with. */
export interface RegistrySettings extends CenterConfig {
  /** The name of this application. */
  readonly application: string;
}

/** Opens a registration center. Succeeds while the server is away: it then connects in the background. */
export type RegistryFactory = (settings: RegistrySettings, runtime: Runtime) => Promise<CenterBackend>;

/** What a protocol is made with. */
export interface ProtocolSettings {
  /** The name of this application, sent with every call. */
  readonly application: string;
  /** The largest request or answer in bytes. Default: the protocol's. */
  readonly payloadBytes: number | undefined;
  /** Connections per endpoint. Default 1. */
  readonly connections: number | undefined;
  /** Where ports are opened: protocols that listen on the same one share it. Default: each opens its own. */
  readonly ports?: Ports | undefined;
  /** Default: connections are not encrypted. */
  readonly tls?: { readonly server?: ServerTls | undefined; readonly client?: ClientTls | undefined };
}

/** Makes a protocol; it opens nothing until it is used. */
export type ProtocolFactory = (settings: ProtocolSettings, runtime: Runtime) => Promise<Protocol>;

/**
 * The entry of `table` under `name`.
 * @throws {ConfigError} with `code`, naming the known ones.
 */
export function pick<T>(
  table: Readonly<Record<string, T>>,
  name: string,
  what: string,
  code: Extract<ErrorCode, "UNKNOWN_REGISTRY" | "UNKNOWN_PROTOCOL" | "CONFIG_INVALID">,
): T {
  const entry = Object.hasOwn(table, name) ? table[name] : undefined;
  if (entry === undefined)
    throw new ConfigError(code, `unknown ${what} "${name}"; known: ${Object.keys(table).sort().join(", ")}`);
  return entry;
}
