import { readFile } from "node:fs/promises";
import { ConfigError } from "./errors.js";

/** TLS to a server, as the parameters of its address ask for it. PEM, as the bytes of files. */
export interface TlsParameters {
  /** Whom to trust. Undefined: whom Node trusts. */
  readonly ca: Buffer | undefined;
  /** The client's own certificate; with `key`. */
  readonly cert: Buffer | undefined;
  readonly key: Buffer | undefined;
  /** The name in the server's certificate, where it is not the host's. */
  readonly serverName: string | undefined;
}

type Params = Readonly<Record<string, string>>;

/** Files of PEM text that parameters name. */
const files = { ca: "tlsCa", cert: "tlsCert", key: "tlsKey" } as const;

/**
 * Reads `tls=true`, and `tlsCa`, `tlsCert`, `tlsKey` (paths of PEM files), `tlsServerName`, each of which means `tls=true`
 * too. Undefined: no TLS.
 * @param where what an error begins with: the address without secrets.
 * @throws {ConfigError} ADDRESS_INVALID: a file cannot be read, a certificate without its key, or `tls=false` beside the others.
 */
export async function tlsOfParameters(where: string, params: Params): Promise<TlsParameters | undefined> {
  const invalid = (why: string, options?: ErrorOptions) =>
    new ConfigError("ADDRESS_INVALID", `${where}: ${why}`, options);
  const named = [...Object.values(files), "tlsServerName"].filter((name) => params[name]);
  const { tls = "" } = params;
  if (!["", "true", "false"].includes(tls))
    throw invalid(`parameter tls=${JSON.stringify(tls)} is neither true nor false`);
  if (tls === "false" && named.length > 0) throw invalid(`tls=false beside ${named.join(", ")}`);
  if (tls !== "true" && named.length === 0) return undefined;
  if (Boolean(params[files.cert]) !== Boolean(params[files.key]))
    throw invalid("a client certificate needs both tlsCert and tlsKey");
  const read = async (name: string) => {
    const path = params[name];
    if (!path) return undefined;
    return readFile(path).catch((cause: unknown) => {
      throw invalid(`parameter ${name}: ${JSON.stringify(path)} cannot be read`, { cause });
    });
  };
  const [ca, cert, key] = await Promise.all(Object.values(files).map(read));
  return { ca, cert, key, serverName: params["tlsServerName"] || undefined };
}
