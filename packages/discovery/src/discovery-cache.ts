import type { MetadataInfo, ServiceInstance } from "@dubbo-ts/core";

/** What was known of an application. */
export interface CachedApplication {
  readonly instances: readonly ServiceInstance[];
  /** The metadata of their revisions, as far as it was known. */
  readonly metadata: readonly MetadataInfo[];
}

/** What outlives a process, so that a consumer starts while its registry is away. See `diskCache`. */
export interface DiscoveryCache extends AsyncDisposable {
  /** Undefined: nothing is kept, or nothing that can be trusted. Never rejects. */
  readApplication(application: string): Promise<CachedApplication | undefined>;
  /** Keeps what `content` gives, some time later; of several calls the last one counts. */
  saveApplication(application: string, content: () => CachedApplication): void;
  /** The applications of an interface. Undefined: nothing is kept. Never rejects. */
  readMapping(serviceInterface: string): Promise<readonly string[] | undefined>;
  saveMapping(serviceInterface: string, applications: readonly string[]): void;
}
