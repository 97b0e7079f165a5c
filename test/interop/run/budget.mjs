/** The time that a whole run has, from its begin: its builds too. */
export class Budget {
  #endMs;

  /** @param minutes 0: as long as it takes */
  constructor(minutes, beginMs) {
    this.minutes = minutes;
    this.#endMs = minutes === 0 ? Number.POSITIVE_INFINITY : beginMs + minutes * 60_000;
  }

  get leftMs() {
    return this.#endMs - Date.now();
  }

  /** Whether something that takes `seconds` will be done `reserveSeconds` before the end. */
  has(seconds, reserveSeconds = 0) {
    return this.leftMs > (seconds + reserveSeconds) * 1_000;
  }
}
