import { deadline, type Logger, type Runtime, sleep } from "@dubbo-ts/core";

/** The part of `process` that signals come from. */
export interface SignalSource {
  on(signal: NodeJS.Signals, listener: (signal: NodeJS.Signals) => void): unknown;
  off(signal: NodeJS.Signals, listener: (signal: NodeJS.Signals) => void): unknown;
  exit(code: number): void;
}

/**
 * Stops the application on the first of `signals` and then ends the process: with exit code 0, or 1 when the stop
 * failed. A second signal changes nothing, since the stop is bounded. Returns what undoes it.
 */
export function stopOnSignals(
  signals: readonly NodeJS.Signals[],
  stop: () => Promise<void>,
  log: Logger,
  source: SignalSource = process,
): () => void {
  let stopping = false;
  const onSignal = (signal: NodeJS.Signals) => {
    if (stopping) return;
    stopping = true;
    log.info({ signal }, "stopping");
    stop().then(
      () => source.exit(0),
      (error: unknown) => {
        log.error({ err: error }, "the stop failed");
        source.exit(1);
      },
    );
  };
  for (const signal of signals) source.on(signal, onSignal);
  return () => {
    // Signals stay caught until the process that they end has ended.
    if (stopping) return;
    for (const signal of signals) source.off(signal, onSignal);
  };
}

/** Calls are still served while consumers hear that this provider is leaving. */
export async function linger(graceMs: number, { clock }: Runtime): Promise<void> {
  await sleep(clock, graceMs, new AbortController().signal);
}

/** Settles as `work` does, or resolves after `limitMs`: a stop that hangs must not keep a process for ever. */
export async function bounded(work: Promise<void>, limitMs: number, { clock, log }: Runtime): Promise<void> {
  const late = Symbol("late");
  using limit = deadline(clock, limitMs, () => late);
  const over = new Promise<symbol>((resolve) => {
    limit.signal.addEventListener("abort", () => resolve(late), { once: true });
  });
  if ((await Promise.race([work, over])) === late)
    log.warn({ limitMs }, "the stop took too long: what is left is closed with the process");
}
