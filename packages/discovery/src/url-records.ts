import { RegistryError } from "@dubbo-ts/core";
import type { InterfaceRegistration } from "./interface-registry.js";
import { type ServiceUrl, serviceUrlId } from "./service-url.js";

/** A record that a store keeps until it is disposed. */
export interface KeptRecord extends AsyncDisposable {
  /** Resolves when the record is there. */
  update(value: Uint8Array, signal: AbortSignal): Promise<void>;
}

/** How one store does it. */
export interface UrlRecordsOptions {
  /** Where the record of `url` is: the name has the URL in it. */
  pathOf(url: ServiceUrl): string;
  /** Begins to keep an empty record there. */
  keep(path: string): KeptRecord;
  /** What registering rejects with when the store failed with `error`. */
  translated(url: ServiceUrl, error: unknown, signal: AbortSignal): unknown;
}

/** A record, and the registrations that want it: two of equal URLs share it. */
interface Held {
  readonly record: KeptRecord;
  readonly holders: Set<object>;
}

const nothing = new Uint8Array(0);

/**
 * Registrations in a store that names its records by the encoded URL, as ZooKeeper and etcd do: another state of a
 * service is another record there, so the new one is made before the old one goes. Disposing it withdraws all.
 */
export class UrlRecords implements AsyncDisposable {
  readonly #held = new Map<string, Held>();
  readonly #leaving = new Map<string, Promise<void>>();
  #closed: Promise<unknown> | undefined;

  constructor(private readonly options: UrlRecordsOptions) {}

  /** As `InterfaceRegistry.register`. */
  async register(url: ServiceUrl, signal: AbortSignal): Promise<InterfaceRegistration> {
    const holder = {};
    let path = await this.#hold(url, holder, signal);
    let gone = false;
    return {
      update: async (next, updateSignal) => {
        if (serviceUrlId(next) !== serviceUrlId(url))
          throw new RegistryError("INSTANCE_INVALID", `${serviceUrlId(next)} is another registration`);
        const before = path;
        const after = await this.#hold(next, holder, updateSignal);
        path = after;
        if (gone) await this.#release(after, holder);
        if (before !== after) await this.#release(before, holder);
      },
      [Symbol.asyncDispose]: async () => {
        gone = true;
        await this.#release(path, holder);
      },
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed ??= Promise.all([...this.#held.values()].map(({ record }) => record[Symbol.asyncDispose]()));
    this.#held.clear();
    await this.#closed;
    await Promise.all(this.#leaving.values());
  }

  async #hold(url: ServiceUrl, holder: object, signal: AbortSignal): Promise<string> {
    signal.throwIfAborted();
    const path = this.options.pathOf(url);
    await this.#leaving.get(path);
    if (this.#closed !== undefined)
      throw new RegistryError("REGISTRY_UNAVAILABLE", `${serviceUrlId(url)}: the registry was closed`);
    let held = this.#held.get(path);
    if (held === undefined)
      this.#held.set(path, (held = { record: this.options.keep(path), holders: new Set() }));
    const isNew = !held.holders.has(holder);
    held.holders.add(holder);
    try {
      await held.record.update(nothing, signal);
      return path;
    } catch (error) {
      if (isNew) await this.#release(path, holder);
      throw this.options.translated(url, error, signal);
    }
  }

  async #release(path: string, holder: object): Promise<void> {
    const held = this.#held.get(path);
    if (held?.holders.delete(holder) && held.holders.size === 0) {
      this.#held.delete(path);
      const left = Promise.resolve(held.record[Symbol.asyncDispose]()).finally(() =>
        this.#leaving.delete(path),
      );
      this.#leaving.set(path, left);
    }
    await this.#leaving.get(path);
  }
}
