import { loadConfig, type TlsConfig } from "@dubbo-ts/config";
import type { Command } from "commander";
import type { CommandIo } from "./command-io.js";

/** Options of commands that call providers: the keys of `consumer.tls`. */
export interface TlsOptions {
  /** A configuration file whose `consumer.tls` holds; single options win over it. */
  readonly config?: string;
  readonly tls?: true;
  readonly caFile?: string;
  readonly certFile?: string;
  readonly keyFile?: string;
  readonly serverName?: string;
}

/** Adds `--tls` and what belongs to it to a command that calls providers. */
export function tlsOptions(command: Command): Command {
  return command
    .option(
      "-c, --config <file>",
      "a configuration: providers are called over TLS as its consumer.tls says; the rest of it is not used",
    )
    .option("--tls", "call providers over TLS; each of the next four says so too")
    .option("--ca-file <pem>", "who must have signed the provider's certificate; default: whom Node trusts")
    .option("--cert-file <pem>", "the certificate to show, where providers ask for one")
    .option("--key-file <pem>", "its private key")
    .option("--server-name <name>", "the name in the provider's certificate; default: the host");
}

/**
 * How providers are called; undefined: without TLS. What a provider publishes does not say whether it wants TLS, so
 * it is said here, as an application says it.
 * @throws {ConfigError} the file cannot be read, or is none.
 */
export async function tlsOf(options: TlsOptions, { env = {} }: CommandIo): Promise<TlsConfig | undefined> {
  const { config: file, tls, caFile, certFile, keyFile, serverName } = options;
  const inFile = file === undefined ? undefined : (await loadConfig(file, { env })).consumer.tls;
  const isSaid = [tls, caFile, certFile, keyFile, serverName].some((one) => one !== undefined);
  if (!isSaid) return inFile;
  return {
    caFile: caFile ?? inFile?.caFile,
    certFile: certFile ?? inFile?.certFile,
    keyFile: keyFile ?? inFile?.keyFile,
    serverName: serverName ?? inFile?.serverName,
    plainText: undefined,
  };
}
