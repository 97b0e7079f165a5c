import { type MetadataInfo, revisionOf, type ServiceInfo } from "@dubbo-ts/core";

interface Shared {
  readonly services: ReadonlyMap<string, ServiceInfo>;
  users: number;
}

/**
 * Lets revisions with the same services share one map of them. Every process of dubbo-go has a revision of its
 * own, because `timestamp` is among its parameters (app-level discovery 4.3); without that they are equal, and
 * 2,000 processes need the memory of one.
 */
export class SharedServices {
  readonly #shared = new Map<string, Shared>();

  /** `metadata` without timestamps, its services shared; pair it with {@link release}. */
  share(metadata: MetadataInfo): { readonly metadata: MetadataInfo; readonly contentKey: string } {
    const services = new Map<string, ServiceInfo>();
    for (const [key, service] of metadata.services) services.set(key, withoutTimestamps(service));
    const contentKey = `${metadata.application}\n${revisionOf(metadata.application, services.values())}`;
    const shared = this.#shared.get(contentKey) ?? { services, users: 0 };
    shared.users += 1;
    this.#shared.set(contentKey, shared);
    return { metadata: { ...metadata, services: shared.services }, contentKey };
  }

  release(contentKey: string): void {
    const shared = this.#shared.get(contentKey);
    if (shared === undefined) return;
    shared.users -= 1;
    if (shared.users === 0) this.#shared.delete(contentKey);
  }
}

function withoutTimestamps(service: ServiceInfo): ServiceInfo {
  const names = Object.keys(service.params);
  if (!names.some(isTimestamp)) return service;
  const params = Object.fromEntries(Object.entries(service.params).filter(([name]) => !isTimestamp(name)));
  return { ...service, params };
}

function isTimestamp(name: string): boolean {
  return name === "timestamp" || name.endsWith(".timestamp");
}
