import { parseRegistryAddress } from "@dubbo-ts/config";
import { ConfigError } from "@dubbo-ts/core";

const highestPort = 64_535;

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
  const address = parseRegistryAddress(text, "nacos");
  const invalid = (why: string) => new ConfigError("ADDRESS_INVALID", `address ${address.safeText}: ${why}`);
  if (address.scheme !== "nacos") throw invalid("is no address of Nacos");
  const high = address.hosts.find(({ port }) => port > highestPort);
  if (high !== undefined) throw invalid(`${hostText(high)}: gRPC needs the port 1000 above it`);
  return address;
}

/** `host:port`, an IPv6 host in brackets. */
export function hostText({ host, port }: { readonly host: string; readonly port: number }): string {
  return `${host.includes(":") ? `[${host}]` : host}:${port}`;
}
