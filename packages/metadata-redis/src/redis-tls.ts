import { tlsOfParameters, type TlsSocketOptions } from "@dubbo-ts/core";
import { invalid, type Params } from "./redis-address.js";

/**
 * TLS to every server of the address, Sentinels too. `cert` and `key` are this client's own, for servers with
 * `tls-auth-clients yes`; `ca` is whom to trust, by default whom Node trusts.
 */
export type RedisTls = TlsSocketOptions;

/**
 * TLS as the address asks for it: `rediss://`, which is `tls=true`, or see {@link tlsOfParameters}. Undefined: no TLS.
 * @throws {ConfigError} ADDRESS_INVALID: a file cannot be read, a certificate without its key, or `tls=false` beside the others.
 */
export async function tlsOf(scheme: string, params: Params): Promise<RedisTls | undefined> {
  if (scheme !== "rediss") return tlsOfParameters("redis://", params);
  if (params["tls"] === "false") throw invalid("rediss://", "tls=false contradicts the scheme");
  return tlsOfParameters("rediss://", { ...params, tls: "true" });
}
