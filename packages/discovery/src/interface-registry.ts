import type { ServiceKey } from "@dubbo-ts/core";
import type { ServiceUrl } from "./service-url.js";

/**
 * A registration center, seen as Dubbo 2 sees it: the providers of each interface, one record for each service and
 * protocol of a process (app-level discovery 11). Beside `Registry`, on the same connection.
 */
export interface InterfaceRegistry extends AsyncDisposable {
  /** For people: the scheme and where it is, without secrets: `zookeeper://127.0.0.1:2181`. */
  readonly name: string;
  /**
   * Announces `url`, and announces it again after reconnects, until the registration is disposed.
   * @throws {RegistryError} REGISTRY_UNAVAILABLE: not announced before `signal` aborted, though it goes on trying
   *   until then; INSTANCE_METADATA_TOO_LARGE; INSTANCE_INVALID; REGISTRY_REFUSED; REGISTRY_AUTH_FAILED.
   */
  register(url: ServiceUrl, signal: AbortSignal): Promise<InterfaceRegistration>;
  /**
   * Reads the providers of `service` from the server: the interface is exact, version and group may be `*` or a list.
   * May give others of the interface too; who asks tells them apart by their keys.
   */
  get(service: ServiceKey, signal: AbortSignal): Promise<readonly ServiceUrl[]>;
  /**
   * Yields the providers of `service`, as {@link InterfaceRegistry.get} gives them, then the whole set again after each
   * change. A slow reader skips sets but gets the latest. While the server is away nothing is yielded: the last set
   * stays. Records that cannot be read are left out one by one. Ends when `signal` aborts.
   */
  watch(service: ServiceKey, signal: AbortSignal): AsyncIterable<ServiceUrlSet>;
  /** The names of all interfaces that have or had providers. */
  interfaces(signal: AbortSignal): Promise<readonly string[]>;
}

/** All providers of a service at one moment. */
export interface ServiceUrlSet {
  readonly urls: readonly ServiceUrl[];
  /** As `InstanceSet.settled`: false when registrations may not have come back yet. */
  readonly settled: boolean;
}

/** The handle on an announced URL. Disposing it withdraws it; a second time does nothing. */
export interface InterfaceRegistration extends AsyncDisposable {
  /** Announces the next state of the same service there: at no moment is it absent. Later calls win. */
  update(url: ServiceUrl, signal: AbortSignal): Promise<void>;
}
