import { ConfigError } from "@dubbo-ts/core";

/** A registry URL that was read already: `RegistryAddress` of `@dubbo-ts/config` is one. */
export interface EtcdAddress {
  readonly hosts: readonly { readonly host: string; readonly port: number }[];
  readonly username?: string | undefined;
  readonly password?: string | undefined;
  /** `group`, `namespace`, `timeout`, `session`, `tls` …: others are ignored. */
  readonly params?: Readonly<Record<string, string>> | undefined;
}

/**
 * Reads `etcd://[user:password@]h1:2379,h2:2379?group=…&backup=h3:2379`; the scheme may be left out.
 * @throws {ConfigError} ADDRESS_INVALID; the message has no user, password or parameters in it.
 */
export function parseEtcdAddress(text: string): EtcdAddress {
  const [, scheme = "etcd", authority = "", path = "", query = ""] =
    /^(?:([A-Za-z][A-Za-z0-9+.-]*):\/\/)?([^/?#]*)(\/[^?#]*)?(?:\?([^#]*))?$/.exec(text.trim()) ?? [];
  const at = authority.lastIndexOf("@");
  const where = `${scheme}://${authority.slice(at + 1)}${path}`;
  if (!["etcd", "etcdv3", "etcd3"].includes(scheme.toLowerCase()))
    throw invalid(where, "is no address of etcd");
  if (path !== "" && path !== "/")
    throw invalid(where, "etcd has no path; the root of metadata is moved by group=…");
  const { backup = "", ...params } = Object.fromEntries(new URLSearchParams(query));
  const hosts = [...authority.slice(at + 1).split(","), ...backup.split(",")]
    .map((one) => one.trim())
    .filter((one) => one !== "")
    .map((one) => parseHost(one, where));
  if (hosts.length === 0) throw invalid(where, "names no host");
  const [user, password] = at < 0 ? [] : splitOnce(authority.slice(0, at), ":");
  try {
    return {
      hosts,
      username: user === undefined ? undefined : decodeURIComponent(user),
      password: password === undefined ? undefined : decodeURIComponent(password),
      params,
    };
  } catch {
    throw invalid(where, "user and password must be percent-encoded");
  }
}

function parseHost(text: string, where: string): { host: string; port: number } {
  const match = /^(?:\[([0-9A-Fa-f:.]+(?:%\w+)?)\]|([\w.-]+))(?::(\d+))?$/.exec(text);
  const host = match?.[1] ?? match?.[2];
  const port = Number(match?.[3] ?? 2379);
  if (host === undefined || port < 1 || port > 65_535)
    throw invalid(where, `${JSON.stringify(text)} is no host:port`);
  return { host, port };
}

function splitOnce(text: string, separator: string): [string, string | undefined] {
  const at = text.indexOf(separator);
  return at < 0 ? [text, undefined] : [text.slice(0, at), text.slice(at + 1)];
}

/** Parameters of an address, or none. */
export type Params = Readonly<Record<string, string>>;

/**
 * A duration parameter in ms: `15000`, `15000ms`, `15s` (Go writes units, Java does not).
 * @throws {ConfigError} ADDRESS_INVALID.
 */
export function durationMs(params: Params, name: string): number | undefined {
  const text = params[name];
  if (text === undefined || text === "") return undefined;
  const [, amount, unit = "ms"] = /^(\d+)(ms|s|m)?$/.exec(text) ?? [];
  const ms = Number(amount) * ({ ms: 1, s: 1_000, m: 60_000 }[unit] ?? 1);
  if (!(ms > 0)) throw invalid("etcd://", `parameter ${name}=${JSON.stringify(text)} is no duration`);
  return ms;
}

/** A parameter that is `true` or `false`. @throws {ConfigError} ADDRESS_INVALID. */
export function flag(params: Params, name: string): boolean | undefined {
  const text = params[name];
  if (text === undefined || text === "") return undefined;
  if (text !== "true" && text !== "false")
    throw invalid("etcd://", `parameter ${name}=${JSON.stringify(text)} is neither true nor false`);
  return text === "true";
}

/** The error of an address. */
function invalid(where: string, why: string, options?: ErrorOptions): ConfigError {
  return new ConfigError("ADDRESS_INVALID", `${where}: ${why}`, options);
}
