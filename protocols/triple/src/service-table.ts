import { ConfigError } from "@dubbo-ts/core";
import type { ServedService } from "@dubbo-ts/rpc";

/** The services of one port, by interface: version and group stand in headers. */
export class ServiceTable {
  readonly #byInterface = new Map<string, readonly ServedService[]>();

  /** The interfaces that are served. */
  get interfaces(): Iterable<string> {
    return this.#byInterface.keys();
  }

  /** @throws {ConfigError} SERVICE_ALREADY_EXPORTED: the same key is served. */
  add(service: ServedService): void {
    const { serviceInterface, text } = service.key;
    const served = this.find(serviceInterface);
    if (served.some(({ key }) => key.text === text)) {
      throw new ConfigError("SERVICE_ALREADY_EXPORTED", `${text} is already exported on this port`);
    }
    this.#byInterface.set(serviceInterface, [...served, service]);
  }

  /** A service that is not in the table is ignored. */
  delete(service: ServedService): void {
    const { serviceInterface } = service.key;
    const left = this.find(serviceInterface).filter((other) => other !== service);
    if (left.length > 0) this.#byInterface.set(serviceInterface, left);
    else this.#byInterface.delete(serviceInterface);
  }

  find(serviceInterface: string): readonly ServedService[] {
    return this.#byInterface.get(serviceInterface) ?? [];
  }

  /**
   * The service that a call means, with Java's fallbacks (rpc-protocols 3.1): the very group and version; version
   * 1.0.0 without group; neither; or the only one that there is, whatever it is called.
   */
  route(serviceInterface: string, group: string, version: string): ServedService | undefined {
    const served = this.find(serviceInterface);
    const only = served.length === 1 ? served[0] : undefined;
    if (only !== undefined) return only;
    const asked = version === "0.0.0" || version === "*" ? "" : version;
    return keyed(served, group, asked) ?? keyed(served, "", "1.0.0") ?? keyed(served, "", "");
  }

  /** What is served of an interface, for those who asked for another version or group. */
  offers(serviceInterface: string): readonly string[] {
    return this.find(serviceInterface).map(({ key }) => key.text);
  }
}

function keyed(served: readonly ServedService[], group: string, version: string): ServedService | undefined {
  return served.find(({ key }) => key.group === group && key.version === version);
}
