import { parseRegistryAddress } from "@dubbo-ts/config";
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
  const address = parseRegistryAddress(text, "etcd");
  const invalid = (why: string) => new ConfigError("ADDRESS_INVALID", `address ${address.safeText}: ${why}`);
  if (address.scheme !== "etcd") throw invalid("is no address of etcd");
  if (address.path !== "") throw invalid("etcd has no path; the root of metadata is moved by group=…");
  return address;
}

/** Parameters of an address, or none. */
export type Params = Readonly<Record<string, string>>;
