import { tlsOfParameters } from "@dubbo-ts/core";
import type { EtcdTls } from "@dubbo-ts/etcd-client";
import type { Params } from "./etcd-address.js";

/**
 * TLS as parameters of the address ask for it: see {@link tlsOfParameters}. Undefined: no TLS.
 * @throws {ConfigError} ADDRESS_INVALID: a file cannot be read, a certificate without its key, or `tls=false` beside the others.
 */
export function tlsOf(params: Params): Promise<EtcdTls | undefined> {
  return tlsOfParameters("etcd://", params);
}
