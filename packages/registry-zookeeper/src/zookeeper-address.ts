import { parseRegistryAddress } from "@dubbo-ts/config";
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
  const address = parseRegistryAddress(text, "zookeeper");
  if (address.scheme !== "zookeeper")
    throw new ConfigError("ADDRESS_INVALID", `address ${address.safeText}: is no address of ZooKeeper`);
  return address;
}
