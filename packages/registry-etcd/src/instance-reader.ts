import type { Logger, ServiceInstance } from "@dubbo-ts/core";
import type { KeyValue } from "@dubbo-ts/etcd-client";
import { decodeInstanceJson } from "./instance-json.js";

interface Known {
  readonly entry: KeyValue;
  /** Undefined: it cannot be read. */
  readonly instance: ServiceInstance | undefined;
}

/** Reads the keys below an application's, again and again; what did not change gives the same object. */
export class InstanceReader {
  #known = new Map<string, Known>();
  #last: readonly ServiceInstance[] = [];

  /** @param prefix with its slash at the end. */
  constructor(
    private readonly application: string,
    private readonly prefix: string,
    private readonly log: Logger,
  ) {}

  /** The same array as before when nothing changed. Keys that cannot be read are left out one by one. */
  read(entries: Iterable<KeyValue>): readonly ServiceInstance[] {
    const known = new Map<string, Known>();
    // Keys deeper down are none of ours, as in Go.
    for (const entry of entries)
      if (!entry.key.slice(this.prefix.length).includes("/")) known.set(entry.key, this.#one(entry));
    this.#known = known;
    const instances = [...known.values()].flatMap(({ instance }) => instance ?? []);
    const last = this.#last;
    if (instances.length !== last.length || instances.some((instance, at) => instance !== last[at]))
      this.#last = instances;
    return this.#last;
  }

  #one(entry: KeyValue): Known {
    const known = this.#known.get(entry.key);
    if (known?.entry === entry) return known;
    // Put again with the same value, for Go's sake or after a lease was lost.
    if (known?.entry.value.equals(entry.value)) return { entry, instance: known.instance };
    return { entry, instance: this.#decode(entry) };
  }

  #decode({ key, value }: KeyValue): ServiceInstance | undefined {
    try {
      return decodeInstanceJson(this.application, value);
    } catch (err) {
      this.log.warn({ err, key }, "an instance that cannot be read is left out");
      return undefined;
    }
  }
}
