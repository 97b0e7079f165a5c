/** The limits of a {@link Silence}, in ms. */
export interface SilenceSettings {
  /** A peer that nothing was heard of for so long is asked for a sign of life. */
  readonly heartbeatMs: number;
  /** One that owes an answer and says nothing for so long is dead. */
  readonly silenceMs: number;
}

/**
 * Shares of the time after which a silent provider is dead. It is asked early enough for several round trips, and
 * avoided before its calls are given up. Sweeps come at a tenth: what is counted may lag behind by one, hence 0.9.
 */
const shares = { ask: 0.3, avoid: 0.5, dead: 0.9 } as const;

/**
 * How long a provider has been silent while it owed an answer. Timed-out calls do not make it talkative: only bytes
 * that were read do, so a black hole is found although each call gives up sooner (peers J2, JB13 tell what happens
 * otherwise). Time is counted in sweeps; per call it costs an assignment.
 */
export class Silence {
  #asked = false;
  #probed = false;
  #heard = false;
  #silentMs = 0;
  #idleMs = 0;

  constructor(private readonly settings: SilenceSettings) {}

  /** Something was sent that has to be answered. */
  asked(): void {
    this.#asked = true;
  }

  /** Something came, whatever it was. */
  heard(): void {
    this.#heard = true;
  }

  /** The provider was asked for a sign of life and has not given it yet: calls should go elsewhere. */
  get suspicious(): boolean {
    return !this.#heard && this.#silentMs >= shares.avoid * this.settings.silenceMs;
  }

  /** `ask`: send a heartbeat; `dead`: the provider is gone. `owing`: answers of calls are outstanding. */
  sweep(elapsedMs: number, owing: boolean): "well" | "ask" | "dead" {
    if (this.#heard) return this.#reset(owing);
    this.#idleMs += elapsedMs;
    if (this.#asked) this.#silentMs += elapsedMs;
    const { silenceMs, heartbeatMs } = this.settings;
    if (this.#silentMs >= shares.dead * silenceMs) return "dead";
    const due = this.#silentMs >= shares.ask * silenceMs || this.#idleMs >= heartbeatMs;
    if (!due || this.#probed) return "well";
    this.#probed = true;
    return "ask";
  }

  #reset(owing: boolean): "well" {
    this.#heard = false;
    this.#probed = false;
    this.#asked = owing;
    this.#silentMs = 0;
    this.#idleMs = 0;
    return "well";
  }
}
