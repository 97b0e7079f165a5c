import type { Logger } from "@dubbo-ts/core";
import { decodeServiceUrl, isProviderUrl, type ServiceUrl } from "./service-url.js";

/** Reads encoded provider URLs again and again, as stores name nodes and keys by them; equal names give equal objects. */
export class ServiceUrlReader {
  #known = new Map<string, ServiceUrl | undefined>();
  #last: readonly ServiceUrl[] = [];

  /** @param where for the log: what holds the names. */
  constructor(
    private readonly where: string,
    private readonly log: Logger,
  ) {}

  /**
   * The same array as before when nothing changed. Names that cannot be read are left out one by one, and said once in
   * the log; so are rules and consumers, without a word.
   */
  read(names: Iterable<string>): readonly ServiceUrl[] {
    const known = new Map<string, ServiceUrl | undefined>();
    for (const name of names)
      known.set(name, this.#known.has(name) ? this.#known.get(name) : this.#decode(name));
    this.#known = known;
    const urls = [...known.values()].filter((url) => url !== undefined);
    const last = this.#last;
    if (urls.length !== last.length || urls.some((url, at) => url !== last[at])) this.#last = urls;
    return this.#last;
  }

  #decode(name: string): ServiceUrl | undefined {
    try {
      const url = decodeServiceUrl(name);
      return isProviderUrl(url) ? url : undefined;
    } catch (err) {
      this.log.warn({ err, where: this.where }, "a provider that cannot be read is left out");
      return undefined;
    }
  }
}
