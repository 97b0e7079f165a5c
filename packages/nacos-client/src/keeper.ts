import type { Connection } from "./connection.js";
import { NacosError } from "./nacos-error.js";
import type { Session } from "./session.js";
import { backoffMs, pause } from "./waiting.js";

/** How long to wait until the next look, ms; `"done"` ends the keeping. */
export type NextLook = number | "done";

/**
 * Makes a server agree with what is wanted (registries F4, rule 3): takes a step at once on each new connection and
 * when it is woken, again after the time that the step asks for, and with growing random pauses while it fails.
 * Steps never overlap. Each thing that is kept has a keeper of its own, so one failure does not hold up others.
 */
export class Keeper {
  readonly #stop = new AbortController();
  readonly #running: Promise<void>;
  #woken = new AbortController();

  /**
   * @param what for the log: `registration of a@@b`.
   * @param step compares what is wanted with what `session` was told, and tells it the difference.
   */
  constructor(
    private readonly connection: Connection,
    private readonly what: string,
    private readonly step: (session: Session) => Promise<NextLook>,
  ) {
    connection.signal.addEventListener("abort", this.#abort, { once: true });
    if (connection.signal.aborted) this.#abort();
    this.#running = this.#keep();
  }

  readonly #abort = (): void => this.#stop.abort();

  /** Something else is wanted now: do not wait for the next look. */
  wake(): void {
    this.#woken.abort();
  }

  /** Takes no further step; resolves when the running one is over. */
  async stop(): Promise<void> {
    this.#abort();
    await this.#running;
  }

  async #keep(): Promise<void> {
    const { signal } = this.#stop;
    const { environment } = this.connection.settings;
    for (let failures = 0; !signal.aborted; ) {
      const session = await this.#nextSession();
      if (session === undefined) break;
      this.#woken = new AbortController();
      let waitMs: number;
      try {
        const next = await this.step(session);
        if (next === "done") break;
        waitMs = next;
        failures = 0;
      } catch (error) {
        waitMs = this.#afterFailure(error, failures++, session);
      }
      await pause(environment.clock, waitMs, [this.#woken.signal, session.signal, signal], {
        background: true,
      });
    }
    this.connection.signal.removeEventListener("abort", this.#abort);
  }

  async #nextSession(): Promise<Session | undefined> {
    try {
      return await this.connection.session(this.#stop.signal);
    } catch {
      return undefined; // stopped, or the client is closed
    }
  }

  #afterFailure(error: unknown, failures: number, session: Session): number {
    const { environment, backoffCapMs } = this.connection.settings;
    if (!session.isOpen) return 0; // the next connection comes first anyway
    const { log } = environment;
    const fields = { err: error, failures: failures + 1 };
    if (!(error instanceof NacosError)) log.error(fields, `${this.what} failed unexpectedly`);
    else if (failures === 0) log.warn(fields, `${this.what} failed, trying again`);
    else log.debug(fields, `${this.what} failed again`);
    return backoffMs(failures, environment.random, 100, backoffCapMs);
  }
}
