/** Up to here looking through an array is faster than a Map. */
const fewObjects = 12;

/**
 * The lists, maps and objects of one stream, numbered as they are written (rpc-protocols 2.1, tag `51`). Finding
 * one takes the same time whatever their number.
 */
export class ReferenceTable {
  readonly #values: (object | undefined)[] = [];
  readonly #writers: (object | undefined)[] = [];
  readonly #indexes = new Map<object, number>();

  /** The number of `value` if `writer` has written it before, else -1, and it gets the next one. */
  add(value: object, writer: object): number {
    const found = this.#values.length <= fewObjects ? this.#scan(value, writer) : this.#lookUp(value, writer);
    if (found >= 0) return found;
    this.#values.push(value);
    this.#writers.push(writer);
    if (this.#values.length > fewObjects) this.#index();
    return -1;
  }

  /** Uses a number up. */
  skip(): void {
    this.#values.push(undefined);
    this.#writers.push(undefined);
    if (this.#values.length > fewObjects) this.#index();
  }

  clear(): void {
    this.#values.length = 0;
    this.#writers.length = 0;
    if (this.#indexes.size > 0) this.#indexes.clear();
  }

  #index(): void {
    const start = this.#indexes.size === 0 ? 0 : this.#values.length - 1;
    for (let i = start; i < this.#values.length; i++) {
      const value = this.#values[i];
      if (value !== undefined) this.#indexes.set(value, i);
    }
  }

  #scan(value: object, writer: object): number {
    for (let i = 0; i < this.#values.length; i++)
      if (this.#values[i] === value && this.#writers[i] === writer) return i;
    return -1;
  }

  #lookUp(value: object, writer: object): number {
    const index = this.#indexes.get(value);
    if (index === undefined) return -1;
    // One value under two declared types is rare: then an earlier number may be the right one.
    return this.#writers[index] === writer ? index : this.#scan(value, writer);
  }
}
