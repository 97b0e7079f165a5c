import type { RegistryError, ServiceInstance } from "@dubbo-ts/core";

/** A registration center, seen as the live instances of each application. */
export interface Registry extends AsyncDisposable {
  /** For people: the scheme and where it is, without secrets: `zookeeper://127.0.0.1:2181`. */
  readonly name: string;
  /**
   * Why the server cannot be used at this moment, as far as that is known. What has waited in vain says it: a deadline
   * alone does not tell a wrong address from a slow server. Undefined: nothing is known to be wrong.
   */
  readonly failure?: RegistryError | undefined;
  /**
   * Announces `instance`, and announces it again after reconnects, until the registration is disposed. A record
   * of the same address that an earlier life of this process left behind is replaced.
   * @throws {RegistryError} REGISTRY_UNAVAILABLE: not announced before `signal` aborted, though it goes on trying
   *   until then; INSTANCE_METADATA_TOO_LARGE; REGISTRY_REFUSED; REGISTRY_AUTH_FAILED.
   */
  register(instance: ServiceInstance, signal: AbortSignal): Promise<Registration>;
  /** Reads the instances of `application` from the server. An application without instances gives none. */
  get(application: string, signal: AbortSignal): Promise<readonly ServiceInstance[]>;
  /**
   * Yields the instances of `application`, then the whole set again after each change; instances that did not
   * change are the same objects. A slow reader skips sets but gets the latest. While the server is away nothing
   * is yielded: the last set stays. Records that cannot be read are left out one by one. Ends when `signal` aborts.
   */
  watch(application: string, signal: AbortSignal): AsyncIterable<InstanceSet>;
  /** The names of all applications that have or had instances. */
  applications(signal: AbortSignal): Promise<readonly string[]>;
  /** Yields all names, then again after each change, applications that are created later included. */
  watchApplications(signal: AbortSignal): AsyncIterable<readonly string[]>;
}

/** All instances of an application at one moment. */
export interface InstanceSet {
  readonly instances: readonly ServiceInstance[];
  /**
   * False when it was read so soon after a (re)connect, a change of server or a server's start that registrations
   * may not have come back yet: a set that is suddenly small is then not believed at once.
   */
  readonly settled: boolean;
}

/** The handle on an announced instance. Disposing it deregisters; a second time does nothing. */
export interface Registration extends AsyncDisposable {
  /** Announces the next state of the same instance in place: at no moment is it absent. Later calls win. */
  update(instance: ServiceInstance, signal: AbortSignal): Promise<void>;
}
