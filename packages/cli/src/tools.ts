import type { Application, CenterBackend, RegistryBackend } from "@dubbo-ts/application";
import type { Config, TlsConfig } from "@dubbo-ts/config";
import type { Endpoint, Logger, Runtime } from "@dubbo-ts/core";
import type { CallMetadataService } from "@dubbo-ts/metadata";
import type { ProtocolInvoker } from "@dubbo-ts/rpc";

/** What the command needs of the framework, handed in where the program starts: adapters and protocols are chosen there. */
export interface CommandTools {
  /**
   * Opens a registry by its URL. The command is a guest: it does not serve the embedded registry.
   * @throws {ConfigError} ADDRESS_INVALID, UNKNOWN_REGISTRY.
   */
  openRegistry(url: string): Promise<RegistryBackend>;
  /**
   * As {@link CommandTools.openRegistry}, but also what keeps no instances.
   * @throws {ConfigError} ADDRESS_INVALID, UNKNOWN_REGISTRY.
   */
  openCenter(url: string): Promise<CenterBackend>;
  /**
   * The configuration that an application would start with: with what its config centers say at present.
   * @param options.log is told what was refused.
   * @throws {ConfigError} UNKNOWN_REGISTRY, ADDRESS_INVALID, CONFIG_INVALID.
   * @throws {RegistryError} REGISTRY_UNAVAILABLE: a `config-center` with `check` does not answer.
   */
  readSettings(options: {
    readonly config: Config;
    readonly registry: string | undefined;
    readonly log: Logger;
  }): Promise<Config>;
  /**
   * Opens a consumer: nothing on disk, no signals, no log.
   * @param options.tls how providers are called. Default: not encrypted.
   * @throws {ConfigError} CONFIG_INVALID: its files are missing or not what they should be.
   */
  openApplication(options: {
    readonly name: string;
    readonly registry: string;
    readonly metadataReport?: string | undefined;
    readonly tls?: TlsConfig | undefined;
  }): Promise<Application>;
  /**
   * Opens the protocols, to call single endpoints.
   * @param tls as for {@link CommandTools.openApplication}.
   * @throws {ConfigError} CONFIG_INVALID.
   */
  openDialer(application: string, tls?: TlsConfig): Promise<Dialer>;
  readonly runtime: Runtime;
}

/** Calls endpoints that are given by address, as a consumer would. */
export interface Dialer extends AsyncDisposable {
  /** The names of the protocols that can be spoken. */
  readonly protocols: readonly string[];
  /** @throws {RpcError} CONNECT_FAILED: a protocol that cannot be spoken. */
  refer(endpoint: Endpoint): ProtocolInvoker;
  readonly callMetadataService: CallMetadataService;
}
