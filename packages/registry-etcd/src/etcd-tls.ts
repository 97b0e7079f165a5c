import { readFile } from "node:fs/promises";
import type { EtcdTls } from "@dubbo-ts/etcd-client";
import { flag, invalid, type Params } from "./etcd-address.js";

/** Files of PEM text that parameters name. */
const files = { ca: "tlsCa", cert: "tlsCert", key: "tlsKey" } as const;

/**
 * TLS as parameters of the address ask for it: `tls=true`, and `tlsCa`, `tlsCert`, `tlsKey` (paths of PEM files), `tlsServerName`, each of which
 * means `tls=true` too. Undefined: no TLS.
 * @throws {ConfigError} ADDRESS_INVALID: a file cannot be read, a certificate without its key, or `tls=false` beside the others.
 */
export async function tlsOf(params: Params): Promise<EtcdTls | undefined> {
  const named = [...Object.values(files), "tlsServerName"].filter((name) => params[name]);
  const wanted = flag(params, "tls") ?? named.length > 0;
  if (!wanted && named.length > 0) throw invalid("etcd://", `tls=false beside ${named.join(", ")}`);
  if (!wanted) return undefined;
  if (Boolean(params[files.cert]) !== Boolean(params[files.key]))
    throw invalid("etcd://", "a client certificate needs both tlsCert and tlsKey");
  const [ca, cert, key] = await Promise.all(Object.values(files).map((name) => pem(params, name)));
  return { ca, cert, key, serverName: params["tlsServerName"] || undefined };
}

async function pem(params: Params, name: string): Promise<Buffer | undefined> {
  const path = params[name];
  if (!path) return undefined;
  try {
    return await readFile(path);
  } catch (cause) {
    throw invalid("etcd://", `parameter ${name}: ${JSON.stringify(path)} cannot be read`, { cause });
  }
}
