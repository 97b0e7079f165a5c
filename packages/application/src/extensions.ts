import { ConfigError, type ErrorCode, type Runtime } from "@dubbo-ts/core";
import type { CenterConfig, ConfigCenter } from "@dubbo-ts/config";
import type { Registry } from "@dubbo-ts/discovery";
import type { MetadataReport } from "@dubbo-ts/metadata";
import type { ClientTls, Ports, Protocol, ServerTls } from "@dubbo-ts/rpc";

/** One registration center, opened: instances, and metadata and mapping where it keeps them too. */
export interface RegistryBackend extends AsyncDisposable {
  readonly registry: Registry;
  /** Undefined: the center keeps instances only. */
  readonly metadataReport: MetadataReport | undefined;
  /** Undefined, or left out: the center keeps no settings. */
  readonly configCenter?: ConfigCenter | undefined;
  /** True: only processes of this machine see it, so providers listen on loopback unless told otherwise. */
  readonly loopbackOnly: boolean;
}

/** What a registration center is opened with. */
export interface RegistrySettings extends CenterConfig {
  /** The name of this application. */
  readonly application: string;
}

/** Opens a registration center. Succeeds while the server is away: it then connects in the background. */
export type RegistryFactory = (settings: RegistrySettings, runtime: Runtime) => Promise<RegistryBackend>;

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
