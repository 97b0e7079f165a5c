import { ConfigError } from "@dubbo-ts/core";

/** A registry URL that was read already: `RegistryAddress` of `@dubbo-ts/config` is one. */
export interface NacosAddress {
  readonly hosts: readonly { readonly host: string; readonly port: number }[];
  readonly username?: string | undefined;
  readonly password?: string | undefined;
  /** `namespace`, `group`, `cluster`: others are ignored. */
  readonly params?: Readonly<Record<string, string>> | undefined;
}

/**
 * Reads `nacos://[user:password@]h1:8848,h2:8848?namespace=…&group=…&cluster=…&backup=h3:8848`; the scheme may be
 * left out, and so may ports: 8848.
 * @throws {ConfigError} ADDRESS_INVALID; the message has no user, password or parameters in it.
 */
export function parseNacosAddress(text: string): NacosAddress {
  const [, scheme = "nacos", authority = "", path = "", query = ""] =
    /^(?:([A-Za-z][A-Za-z0-9+.-]*):\/\/)?([^/?#]*)(\/[^?#]*)?(?:\?([^#]*))?$/.exec(text.trim()) ?? [];
  const at = authority.lastIndexOf("@");
  const where = `${scheme}://${authority.slice(at + 1)}${path}`;
  if (scheme.toLowerCase() !== "nacos") throw invalid(where, "is no address of Nacos");
  const { backup = "", ...params } = Object.fromEntries(new URLSearchParams(query));
  const hosts = [...authority.slice(at + 1).split(","), ...backup.split(",")]
    .map((one) => one.trim())
    .filter((one) => one !== "")
    .map((one) => parseHost(one, where));
  if (hosts.length === 0) throw invalid(where, "names no host");
  return { hosts, params, ...parseUser(at < 0 ? undefined : authority.slice(0, at), where) };
}

/** `host:port`, an IPv6 host in brackets. */
export function hostText({ host, port }: { readonly host: string; readonly port: number }): string {
  return `${host.includes(":") ? `[${host}]` : host}:${port}`;
}

function parseHost(text: string, where: string): { host: string; port: number } {
  const match = /^(?:\[([0-9A-Fa-f:.]+(?:%\w+)?)\]|([\w.-]+))(?::(\d+))?$/.exec(text);
  const host = match?.[1] ?? match?.[2];
  const port = Number(match?.[3] ?? 8848);
  if (host === undefined || port < 1 || port > 64_535)
    throw invalid(where, `${JSON.stringify(text)} is no host:port; gRPC needs the port 1000 above it`);
  return { host, port };
}

function parseUser(text: string | undefined, where: string): { username?: string; password?: string } {
  if (text === undefined) return {};
  const colon = text.indexOf(":");
  try {
    const username = decodeURIComponent(colon < 0 ? text : text.slice(0, colon));
    return colon < 0 ? { username } : { username, password: decodeURIComponent(text.slice(colon + 1)) };
  } catch {
    throw invalid(where, "user and password must be percent-encoded");
  }
}

function invalid(where: string, why: string): ConfigError {
  return new ConfigError("ADDRESS_INVALID", `${where}: ${why}`);
}
