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
  const [, scheme = "", authority = "", path = "", query = ""] =
    /^([A-Za-z][A-Za-z0-9+.-]*):\/\/([^/?#]*)(\/[^?#]*)?(?:\?([^#]*))?$/.exec(text.trim()) ?? [];
  const at = authority.lastIndexOf("@");
  const where = `${scheme}://${authority.slice(at + 1)}${path}`;
  if (!/^rediss?$/i.test(scheme)) throw invalid(where, "is no redis://host:port or rediss://host:port");
  const { backup = "", ...params } = Object.fromEntries(new URLSearchParams(query));
  const hosts = [...authority.slice(at + 1).split(","), ...backup.split(",")]
    .map((one) => one.trim())
    .filter((one) => one !== "")
    .map((one) => parseHost(one, where));
  const [user, password] = at < 0 ? [] : splitOnce(authority.slice(0, at), ":");
  try {
    return {
      scheme: scheme.toLowerCase(),
      hosts,
      username: user === undefined ? undefined : decodeURIComponent(user),
      password: password === undefined ? undefined : decodeURIComponent(password),
      path,
      params,
    };
  } catch {
    throw invalid(where, "user and password must be percent-encoded");
  }
}

function parseHost(text: string, where: string): RedisNode {
  const match = /^(?:\[([0-9A-Fa-f:.]+(?:%\w+)?)\]|([\w.-]+))(?::(\d+))?$/.exec(text);
  const host = match?.[1] ?? match?.[2];
  const port = Number(match?.[3] ?? 6379);
  if (host === undefined || port < 1 || port > 65_535)
    throw invalid(where, `${JSON.stringify(text)} is no host:port`);
  return { host, port };
}

function splitOnce(text: string, separator: string): [string, string | undefined] {
  const at = text.indexOf(separator);
  return at < 0 ? [text, undefined] : [text.slice(0, at), text.slice(at + 1)];
}

/** `host:port`, IPv6 in brackets. */
export function nodeText({ host, port }: RedisNode): string {
  return `${host.includes(":") ? `[${host}]` : host}:${port}`;
}

/** Parameters of an address, or none. */
export type Params = Readonly<Record<string, string>>;

/**
 * A duration parameter in ms: `15000`, `15000ms`, `15s`, `10m`, `2h`, `2d` (Java writes no units).
 * @throws {ConfigError} ADDRESS_INVALID.
 */
export function durationMs(params: Params, name: string): number | undefined {
  const text = params[name];
  if (text === undefined || text === "") return undefined;
  const [, amount, unit = "ms"] = /^(\d+)(ms|s|m|h|d)?$/.exec(text) ?? [];
  const ms = Number(amount) * ({ ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 }[unit] ?? 1);
  if (!(ms > 0)) throw invalid("redis://", `parameter ${name}=${JSON.stringify(text)} is no duration`);
  return ms;
}

/** A parameter that is `true` or `false`. @throws {ConfigError} ADDRESS_INVALID. */
export function flag(params: Params, name: string): boolean | undefined {
  const text = params[name];
  if (text === undefined || text === "") return undefined;
  if (text !== "true" && text !== "false")
    throw invalid("redis://", `parameter ${name}=${JSON.stringify(text)} is neither true nor false`);
  return text === "true";
}

/** The error of an address. */
export function invalid(where: string, why: string, options?: ErrorOptions): ConfigError {
  return new ConfigError("ADDRESS_INVALID", `${where}: ${why}`, options);
}
