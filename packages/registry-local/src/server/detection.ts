import type { Clock, Timer } from "@dubbo-ts/core";
import type { Connection } from "./connection.js";

/** When clients that say nothing are asked, and given up. Defaults are those of a real server (registries A1.8). */
export interface DetectionOptions {
  /** A client is asked after so much silence. Default 20,000 ms. */
  idleMs?: number;
  /** It has so long to answer. Default 5,000 ms. */
  answerMs?: number;
  /** How often all clients are looked at. Default 3,000 ms. */
  everyMs?: number;
}

/** Asks silent clients whether they live, and unregisters those that do not say so: a dead link shows no other way. */
export class Detection implements Disposable {
  readonly #asked = new WeakSet<Connection>();
  readonly #clock: Clock;
  readonly #limits: Required<DetectionOptions>;
  #timer: Timer | undefined;

  constructor(
    private readonly connections: () => readonly Connection[],
    clock: Clock,
    { idleMs = 20_000, answerMs = 5_000, everyMs = 3_000 }: DetectionOptions,
  ) {
    this.#clock = clock;
    this.#limits = { idleMs, answerMs, everyMs };
    this.#schedule();
  }

  [Symbol.dispose](): void {
    this.#timer?.cancel();
  }

  #schedule(): void {
    this.#timer = this.#clock.setTimeout(
      () => {
        this.#schedule();
        for (const connection of this.connections())
          if (connection.idleMs >= this.#limits.idleMs && !this.#asked.has(connection))
            void this.#ask(connection);
      },
      this.#limits.everyMs,
      { background: true },
    );
  }

  /** Never rejects. */
  async #ask(connection: Connection): Promise<void> {
    this.#asked.add(connection);
    const alive = await connection.push(
      "ClientDetectionRequest",
      { module: "internal" },
      this.#limits.answerMs,
    );
    this.#asked.delete(connection);
    if (!alive) connection.close();
  }
}
