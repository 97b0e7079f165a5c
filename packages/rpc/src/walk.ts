/** How many levels of recursive types, or of `any`, a value may have. A stack is finite, and so is every peer's. */
export const maxDepth = 200;

/** One pass over a value that may contain itself. */
export class Walk {
  depth = 0;
  #visited: Map<object, Set<object>> | undefined;

  /** False when `value` was met before as a value of `type`. */
  firstVisit(type: object, value: object): boolean {
    this.#visited ??= new Map();
    const met = this.#visited.get(type);
    if (met === undefined) this.#visited.set(type, new Set([value]));
    else if (met.has(value)) return false;
    else met.add(value);
    return true;
  }
}
