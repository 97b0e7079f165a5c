import type { MetadataServiceAddress } from "./service-instance.js";

/** Instances on ever new ports must not be remembered for ever. */
const maxKept = 64;

/** Equal texts give the value that was made of the first. */
class Interned<T> {
  readonly #byText = new Map<string, T>();

  get(text: string, make: () => T): T {
    if (this.#byText.has(text)) return this.#byText.get(text) as T;
    const made = make();
    if (this.#byText.size >= maxKept) this.#byText.clear();
    this.#byText.set(text, made);
    return made;
  }
}

/**
 * What the instances of an application mostly say alike. Whoever reads thousands of them keeps one object of each,
 * and not thousands that are equal.
 */
export class InstanceParts {
  readonly revisions = new Interned<string>();
  readonly ports = new Interned<Readonly<Record<string, number>>>();
  readonly metadataServices = new Interned<MetadataServiceAddress | undefined>();
  readonly labels = new Interned<Readonly<Record<string, string>>>();
}
