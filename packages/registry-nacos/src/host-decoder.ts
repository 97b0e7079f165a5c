import { decodeInstance, type Logger, type ServiceInstance } from "@dubbo-ts/core";
import type { NacosInstance } from "@dubbo-ts/nacos-client";

interface Decoded {
  /** Undefined: it cannot be read. */
  readonly instance: ServiceInstance | undefined;
  /** In the order in which they were seen first. */
  readonly serial: number;
}

/** Turns the lists of one application into instances; a host that did not change gives the same object. */
export class HostDecoder {
  readonly #decoded = new WeakMap<NacosInstance, Decoded>();
  #serials = 0;

  constructor(
    private readonly application: string,
    private readonly log: Logger,
  ) {}

  /**
   * One instance for each address: Go lists one twice while its revision changes, and so does a restart before the
   * server noticed the end of the first life. The one that started last wins, or else the one that came last.
   */
  decode(hosts: readonly NacosInstance[]): readonly ServiceInstance[] {
    const chosen = new Map<string, { readonly instance: ServiceInstance; readonly serial: number }>();
    for (const host of hosts) {
      const { instance, serial } = this.#one(host);
      if (instance === undefined) continue;
      const other = chosen.get(instance.id);
      if (other === undefined || isNewer({ instance, serial }, other))
        chosen.set(instance.id, { instance, serial });
    }
    return [...chosen.values()].map(({ instance }) => instance);
  }

  #one(host: NacosInstance): Decoded {
    const known = this.#decoded.get(host);
    if (known !== undefined) return known;
    const decoded = { instance: this.#read(host), serial: (this.#serials += 1) };
    this.#decoded.set(host, decoded);
    return decoded;
  }

  #read({ ip, port, metadata, weight, enabled, healthy }: NacosInstance): ServiceInstance | undefined {
    try {
      return decodeInstance({
        application: this.application,
        host: ip,
        port,
        metadata,
        weight,
        enabled,
        healthy,
      });
    } catch (error) {
      const { application } = this;
      this.log.warn({ err: error, application, ip, port }, "an instance that cannot be read is left out");
      return undefined;
    }
  }
}

interface Candidate {
  readonly instance: ServiceInstance;
  readonly serial: number;
}

function isNewer(one: Candidate, other: Candidate): boolean {
  const [started, otherStarted] = [one.instance.startedAtMs, other.instance.startedAtMs];
  if (started !== undefined && otherStarted !== undefined && started !== otherStarted)
    return started > otherStarted;
  return one.serial > other.serial;
}
