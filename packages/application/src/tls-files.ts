import { readFile } from "node:fs/promises";
import type { Config, TlsConfig } from "@dubbo-ts/config";
import { ConfigError } from "@dubbo-ts/core";
import { type ClientTls, requireUsableTls, type ServerTls } from "@dubbo-ts/rpc";

/**
 * The certificates of the ports of one wire protocol, read from their files; undefined: it is not encrypted.
 * @throws {ConfigError} CONFIG_INVALID: files are missing or not what they should be, or two ports differ.
 */
export async function readServerTls(config: Config, protocol: string): Promise<ServerTls | undefined> {
  const spoken = Object.values(config.protocols).filter(
    ({ name, extProtocols }) => name === protocol || extProtocols.includes(protocol),
  );
  const [first, ...others] = spoken;
  const tls = first === undefined ? sharedServerTls(config) : first.tls;
  const different = others.find((other) => JSON.stringify(other.tls) !== JSON.stringify(tls));
  if (different !== undefined)
    throw invalid(
      `protocols.${different.id}.tls`,
      `must be that of protocols.${first?.id}: both speak ${protocol}`,
    );
  if (tls === undefined) return undefined;
  const where = first === undefined ? "tls" : `protocols.${first.id}.tls`;
  const { certFile, keyFile, caFile, plainText } = tls;
  if (certFile === undefined || keyFile === undefined)
    throw invalid(where, "a provider needs cert-file and key-file");
  const certificate = await read(where, "cert-file", certFile);
  const privateKey = await read(where, "key-file", keyFile);
  const clientAuthority = caFile === undefined ? undefined : await read(where, "ca-file", caFile);
  await usable(where, { ca: clientAuthority, cert: certificate, key: privateKey });
  return { certificate, privateKey, clientAuthority, plainText };
}

/**
 * What this application shows and trusts when it calls providers; undefined: calls are not encrypted.
 * @throws {ConfigError} CONFIG_INVALID: files are missing or not what they should be.
 */
export async function readClientTls(tls: TlsConfig | undefined): Promise<ClientTls | undefined> {
  const where = "consumer.tls";
  if (tls === undefined) return undefined;
  const { certFile, keyFile, caFile, serverName } = tls;
  if ((certFile === undefined) !== (keyFile === undefined))
    throw invalid(where, "cert-file and key-file belong together");
  const certificate = certFile === undefined ? undefined : await read(where, "cert-file", certFile);
  const privateKey = keyFile === undefined ? undefined : await read(where, "key-file", keyFile);
  const authority = caFile === undefined ? undefined : await read(where, "ca-file", caFile);
  await usable(where, { ca: authority, cert: certificate, key: privateKey });
  return { authority, certificate, privateKey, serverName };
}

/** Where no protocol is configured, the default one has what the file says for all. */
function sharedServerTls({ protocols, tls }: Config): TlsConfig | undefined {
  return Object.keys(protocols).length === 0 && tls?.certFile !== undefined ? tls : undefined;
}

async function read(where: string, key: string, path: string): Promise<Buffer> {
  try {
    return await readFile(path);
  } catch (cause) {
    throw invalid(`${where}.${key}`, `${path} cannot be read: ${(cause as Error).message}`, cause);
  }
}

async function usable(where: string, pem: Parameters<typeof requireUsableTls>[0]): Promise<void> {
  try {
    await requireUsableTls(pem);
  } catch (cause) {
    throw invalid(where, (cause as Error).message, cause);
  }
}

function invalid(where: string, why: string, cause?: unknown): ConfigError {
  return new ConfigError("CONFIG_INVALID", `${where}: ${why}`, { cause });
}
