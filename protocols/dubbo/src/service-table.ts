import { ConfigError } from "@dubbo-ts/core";
import type { ServedService } from "@dubbo-ts/rpc";

/** The services of one port, by interface and version: the group only stands behind the arguments of a request. */
export class ServiceTable {
  readonly #byInterface = new Map<string, Map<string, readonly ServedService[]>>();
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** @throws {ConfigError} SERVICE_ALREADY_EXPORTED: the same key is served. */
  add(service: ServedService): void {
    const { serviceInterface, version, group, text } = service.key;
    const served = this.find(serviceInterface, version);
    if (served.some((other) => other.key.group === group)) {
      throw new ConfigError("SERVICE_ALREADY_EXPORTED", `${text} is already exported on this port`);
    }
    this.#set(service, [...served, service]);
    this.#size += 1;
  }

  /** A service that is not in the table is ignored. */
  delete(service: ServedService): void {
    const served = this.find(service.key.serviceInterface, service.key.version);
    if (!served.includes(service)) return;
    this.#set(
      service,
      served.filter((other) => other !== service),
    );
    this.#size -= 1;
  }

  /** The services with this interface and version, one for each group. `0.0.0` and `*` are no version, as in Java. */
  find(serviceInterface: string, version: string): readonly ServedService[] {
    const known = version === "0.0.0" || version === "*" ? "" : version;
    return this.#byInterface.get(serviceInterface)?.get(known) ?? [];
  }

  /** What is served of an interface, for those who asked for another version or group. */
  offers(serviceInterface: string): readonly string[] {
    const versions = this.#byInterface.get(serviceInterface)?.values() ?? [];
    return [...versions].flatMap((services) => services.map((service) => service.key.text));
  }

  #set(service: ServedService, services: readonly ServedService[]): void {
    const { serviceInterface, version } = service.key;
    const versions = this.#byInterface.get(serviceInterface) ?? new Map<string, readonly ServedService[]>();
    if (services.length > 0) versions.set(version, services);
    else versions.delete(version);
    if (versions.size > 0) this.#byInterface.set(serviceInterface, versions);
    else this.#byInterface.delete(serviceInterface);
  }
}
