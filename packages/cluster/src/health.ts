import { type Clock, hasCode } from "@dubbo-ts/core";

/** When an endpoint is avoided, and for how long. */
const ejectionLimits = {
  /** Calls that fail in a row, with no success in between, until an endpoint that can be connected to is avoided. */
  failures: 3,
  /** How long it is then avoided, before one call is let through as a probe; doubled after each probe that fails. */
  baseMs: 30_000,
  /** The same for a connection that was refused or lost: avoided at the first failure. */
  downBaseMs: 1_000,
  capMs: 60_000,
  downCapMs: 30_000,
} as const;

type Verdict = "alive" | "down" | "failing" | "unknown";

/** What the outcome of a call says of its provider. Only failures of the provider count, not those of the caller. */
function judge(error: unknown): Verdict {
  if (hasCode(error, "CONNECT_FAILED", "CONNECTION_LOST")) return "down";
  if (hasCode(error, "CALL_TIMEOUT", "PROVIDER_ERROR", "FRAME_INVALID")) return "failing";
  // An exception of the method, or a refusal, comes from a provider that lives.
  if (hasCode(error, "REMOTE_EXCEPTION", "SERVICE_NOT_FOUND", "METHOD_NOT_FOUND")) return "alive";
  return "unknown";
}

/**
 * Passive health of one endpoint, judged by its calls. A dead one (refused, lost) is avoided at once for a second,
 * one that is silent or answers errors only after three calls in a row, for 30 s. Then a single call probes it: a
 * success ends the ejection, a failure doubles it. Costs nothing while all is well: no clock is read.
 */
export class Health {
  /** Failures since the last success. */
  consecutiveFailures = 0;
  /** In the clock's monotonic ms. */
  lastFailureMs: number | undefined;
  #untilMs: number | undefined;
  #ejections = 0;
  #probing = false;
  #down = false;
  readonly #clock: Clock;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** True: avoid it now. False too when its time is over and nobody probes it yet. */
  get ejected(): boolean {
    if (this.#untilMs === undefined) return false;
    return this.#probing || this.#clock.monotonicMs() < this.#untilMs;
  }

  /** True when the last failure was one of the connection. */
  get down(): boolean {
    return this.#down;
  }

  /** To be called before a call; what it gives is handed to {@link failed}. */
  started(): "probe" | "call" {
    if (this.#untilMs === undefined || this.ejected) return "call";
    this.#probing = true;
    return "probe";
  }

  /** To be called with the error of a call that failed. */
  failed(kind: "probe" | "call", error: unknown): void {
    const verdict = judge(error);
    if (verdict === "alive") return this.succeeded();
    this.ended(kind);
    if (verdict === "unknown") return;
    this.consecutiveFailures += 1;
    this.lastFailureMs = this.#clock.monotonicMs();
    this.#down = verdict === "down";
    // Of many calls that were in flight together only the first one ejects, and only a probe ejects for longer.
    const first = this.#untilMs === undefined;
    const enough = this.#down || this.consecutiveFailures >= ejectionLimits.failures;
    if (kind === "probe" || (first && enough)) this.#eject(this.lastFailureMs);
  }

  /** To be called when a call ended in a way that says nothing of its provider, as one way calls do. */
  ended(kind: "probe" | "call"): void {
    if (kind === "probe") this.#probing = false;
  }

  /** To be called when a call was answered. */
  succeeded(): void {
    if (this.consecutiveFailures === 0 && this.#untilMs === undefined) return;
    this.consecutiveFailures = 0;
    this.#ejections = 0;
    this.#untilMs = undefined;
    this.#probing = false;
    this.#down = false;
  }

  #eject(nowMs: number): void {
    const { baseMs, capMs, downBaseMs, downCapMs } = ejectionLimits;
    const [base, cap] = this.#down ? [downBaseMs, downCapMs] : [baseMs, capMs];
    this.#untilMs = nowMs + Math.min(cap, base * 2 ** Math.min(this.#ejections, 10));
    this.#ejections += 1;
  }
}
