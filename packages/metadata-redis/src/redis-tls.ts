import { readFile } from "node:fs/promises";
import { flag, invalid, type Params } from "./redis-address.js";

/** TLS to every server of the address, Sentinels too. PEM, as a text or as the bytes of a file. */
export interface RedisTls {
  /** Whom to trust. Default: whom Node trusts. */
  readonly ca?: string | Buffer | undefined;
  /** This client's own certificate and key, for servers with `tls-auth-clients yes`. */
  readonly cert?: string | Buffer | undefined;
  readonly key?: string | Buffer | undefined;
  /** The name in the servers' certificates, where it is not the host's. */
  readonly serverName?: string | undefined;
}

/** Files of PEM text that parameters name. */
const files = { ca: "tlsCa", cert: "tlsCert", key: "tlsKey" } as const;

/**
 * TLS as the address asks for it: `rediss://`, or `tls=true`, and `tlsCa`, `tlsCert`, `tlsKey` (paths of PEM files), `tlsServerName`, each of
 * which means TLS too. Undefined: no TLS.
 * @throws {ConfigError} ADDRESS_INVALID: a file cannot be read, a certificate without its key, or `tls=false` beside the others.
 */
export async function tlsOf(scheme: string, params: Params): Promise<RedisTls | undefined> {
  const named = [...Object.values(files), "tlsServerName"].filter((name) => params[name]);
  if (scheme === "rediss") named.unshift("rediss://");
  const wanted = flag(params, "tls") ?? named.length > 0;
  if (!wanted && named.length > 0) throw invalid("redis://", `tls=false beside ${named.join(", ")}`);
  if (!wanted) return undefined;
  if (Boolean(params[files.cert]) !== Boolean(params[files.key]))
    throw invalid("redis://", "a client certificate needs both tlsCert and tlsKey");
  const [ca, cert, key] = await Promise.all(Object.values(files).map((name) => pem(params, name)));
  return { ca, cert, key, serverName: params["tlsServerName"] || undefined };
}

async function pem(params: Params, name: string): Promise<Buffer | undefined> {
  const path = params[name];
  if (!path) return undefined;
  try {
    return await readFile(path);
  } catch (cause) {
    throw invalid("redis://", `parameter ${name}: ${JSON.stringify(path)} cannot be read`, { cause });
  }
}
