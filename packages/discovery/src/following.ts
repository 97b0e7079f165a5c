import { Latest, type Logger, type Resolution, type ServiceKey } from "@dubbo-ts/core";

/** Is told of each Resolution of a service. What it throws is logged, and it is told of the next one all the same. */
export type OnResolution = (resolution: Resolution) => void;

/** Tells `onResolution`, whatever it throws. */
export function tell(
  onResolution: OnResolution,
  resolution: Resolution,
  { text }: ServiceKey,
  log: Logger,
): void {
  try {
    onResolution(resolution);
  } catch (err) {
    log.error({ err, service: text }, "a change of providers was not taken");
  }
}

/** Opens what tells `onResolution`; disposing it ends that, and resolves when what was opened for it is closed. */
export type Follow = (onResolution: OnResolution) => AsyncDisposable;

/** What a discovery tells to a function, read as streams instead; {@link ResolutionStreams.end} ends all of them. */
export class ResolutionStreams {
  readonly #readers = new Set<Latest<Resolution>>();
  #ended = false;

  /** Ends when `signal` aborts. A slow reader skips values but gets the latest. */
  async *read(follow: Follow, signal: AbortSignal): AsyncGenerator<Resolution, void, undefined> {
    if (signal.aborted || this.#ended) return;
    const reader = new Latest<Resolution>();
    const end = () => reader.end();
    signal.addEventListener("abort", end, { once: true });
    this.#readers.add(reader);
    const following = follow((resolution) => reader.set(resolution));
    try {
      yield* reader;
    } finally {
      signal.removeEventListener("abort", end);
      this.#readers.delete(reader);
      await following[Symbol.asyncDispose]();
    }
  }

  /** There are none after this. */
  end(): void {
    this.#ended = true;
    for (const reader of this.#readers) reader.end();
  }
}
