import { ConfigError } from "@dubbo-ts/core";

/** A registry URL that was read already: `RegistryAddress` of `@dubbo-ts/config` is one. */
export interface ZooKeeperAddress {
  readonly hosts: readonly { readonly host: string; readonly port: number }[];
  readonly username?: string | undefined;
  readonly password?: string | undefined;
  /** The chroot with its leading slash; empty or left out: none. */
  readonly path?: string | undefined;
  /** `group`, `namespace`, `rootPath`, `timeout`, `session`: others are ignored. */
  readonly params?: Readonly<Record<string, string>> | undefined;
}

/**
 * Reads `zookeeper://[user:password@]h1:2181,h2:2181[/chroot]?group=…&backup=h3:2181`; the scheme may be left out.
 * @throws {ConfigError} ADDRESS_INVALID; the message has no user, password or parameters in it.
 */
export function parseZooKeeperAddress(text: string): ZooKeeperAddress {
  const [, scheme = "zookeeper", authority = "", path = "", query = ""] =
    /^(?:([A-Za-z][A-Za-z0-9+.-]*):\/\/)?([^/?#]*)(\/[^?#]*)?(?:\?([^#]*))?$/.exec(text.trim()) ?? [];
  const at = authority.lastIndexOf("@");
  const where = `${scheme}://${authority.slice(at + 1)}${path}`;
  if (!["zookeeper", "zk"].includes(scheme.toLowerCase())) throw invalid(where, "is no address of ZooKeeper");
  const { backup = "", ...params } = Object.fromEntries(new URLSearchParams(query));
  const hosts = [...authority.slice(at + 1).split(","), ...backup.split(",")]
    .map((one) => one.trim())
    .filter((one) => one !== "")
    .map((one) => parseHost(one, where));
  const [user, password] = at < 0 ? [] : splitOnce(authority.slice(0, at), ":");
  try {
    return {
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

function parseHost(text: string, where: string): { host: string; port: number } {
  const match = /^(?:\[([0-9A-Fa-f:.]+(?:%\w+)?)\]|([\w.-]+))(?::(\d+))?$/.exec(text);
  const host = match?.[1] ?? match?.[2];
  const port = Number(match?.[3] ?? 2181);
  if (host === undefined || port < 1 || port > 65_535)
    throw invalid(where, `${JSON.stringify(text)} is no host:port`);
  return { host, port };
}

function splitOnce(text: string, separator: string): [string, string | undefined] {
  const at = text.indexOf(separator);
  return at < 0 ? [text, undefined] : [text.slice(0, at), text.slice(at + 1)];
}

/**
 * A duration parameter in ms: `15000`, `15000ms`, `15s` (Go writes units, Java does not).
 * @throws {ConfigError} ADDRESS_INVALID.
 */
export function durationMs(params: Readonly<Record<string, string>>, name: string): number | undefined {
  const text = params[name];
  if (text === undefined || text === "") return undefined;
  const [, amount, unit = "ms"] = /^(\d+)(ms|s|m)?$/.exec(text) ?? [];
  const ms = Number(amount) * ({ ms: 1, s: 1_000, m: 60_000 }[unit] ?? 1);
  if (!(ms > 0)) throw invalid("zookeeper://", `parameter ${name}=${JSON.stringify(text)} is no duration`);
  return ms;
}

/** The error of an address. */
function invalid(where: string, why: string): ConfigError {
  return new ConfigError("ADDRESS_INVALID", `${where}: ${why}`);
}
