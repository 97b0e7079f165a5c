import type { Application, CenterBackend, RegistryBackend } from "@dubbo-ts/application";
import type { Endpoint, Runtime } from "@dubbo-ts/core";
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
  /** Opens a consumer: nothing on disk, no signals, no log. */
  openApplication(options: { readonly name: string; readonly registry: string }): Promise<Application>;
  /** Opens the protocols, to call single endpoints. */
  openDialer(application: string): Promise<Dialer>;
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
