import { parseRegistryAddress } from "@dubbo-ts/config";
import { ConfigError } from "@dubbo-ts/core";

/** A host and its port. */
export interface RedisNode {
  readonly host: string;
  readonly port: number;
}

/** A URL that was read already: `RegistryAddress` of `@dubbo-ts/config` is one. */
export interface RedisAddress {
  /** `redis`, or `rediss` for TLS. Default `redis`. */
  readonly scheme?: string | undefined;
  readonly hosts: readonly RedisNode[];
  readonly username?: string | undefined;
  readonly password?: string | undefined;
  /** `/2`: the database, as Redis' own URLs have it. */
  readonly path?: string | undefined;
  /** `redis-client`, `master.name`, `database`, `timeout`, `tls` …: others are ignored. */
  readonly params?: Readonly<Record<string, string>> | undefined;
}

/**
 * Reads `redis://[user:password@]h1:6379[,h2:6379][/database]?backup=h3:6379&…`, or `rediss://` for TLS.
 * @throws {ConfigError} ADDRESS_INVALID; the message has no user, password or parameters in it.
 */
export function parseRedisAddress(text: string): RedisAddress {
  const address = parseRegistryAddress(text);
  if (address.scheme !== "redis" && address.scheme !== "rediss")
    throw invalid(`address ${address.safeText}`, "is no redis://host:port or rediss://host:port");
  return address;
}

/** `host:port`, IPv6 in brackets. */
export function nodeText({ host, port }: RedisNode): string {
  return `${host.includes(":") ? `[${host}]` : host}:${port}`;
}

/** Parameters of an address, or none. */
export type Params = Readonly<Record<string, string>>;

/** The error of an address. */
export function invalid(where: string, why: string, options?: ErrorOptions): ConfigError {
  return new ConfigError("ADDRESS_INVALID", `${where}: ${why}`, options);
}
