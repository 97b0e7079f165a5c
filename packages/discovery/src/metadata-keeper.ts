import { abortable, backoffMs, deadline, type MetadataInfo, type Runtime, sleep } from "@dubbo-ts/core";
import type { MetadataReport } from "@dubbo-ts/metadata";

/**
 * Within this time after a loss all providers of an application write again, each at a moment of its own: those that
 * share a revision find that one of them was quicker.
 */
const spreadMs = 2_000;

/** How long one writing may take. */
const writeLimitMs = 5_000;

/** Between writings until the report shows it. */
const retry = { baseMs: 1_000, capMs: 5_000 } as const;

/** Between attempts to watch. */
const watchRetry = { baseMs: 1_000, capMs: 8_000 } as const;

/**
 * Sees to it that a report has these metadata: whenever it says that it has not, they are written until it has.
 * Every provider does so for itself, since each may have a revision of its own. While they are there nothing is
 * written. Resolves when `signal` aborts.
 */
export async function keepMetadata(
  report: MetadataReport,
  metadata: MetadataInfo,
  runtime: Runtime,
  signal: AbortSignal,
): Promise<void> {
  const { application, revision } = metadata;
  const { clock, random, log } = runtime;
  for (let failures = 0; !signal.aborted; failures++) {
    const writer = new Writer(report, metadata, runtime, signal);
    try {
      for await (const isThere of report.watchMetadata(application, revision, signal)) {
        failures = 0;
        await writer.set(!isThere);
      }
    } catch (error) {
      if (failures === 0 && !signal.aborted)
        log.warn({ err: error, application, revision }, "metadata cannot be watched yet");
    } finally {
      await writer.set(false);
    }
    const delayMs = 500 + backoffMs(failures, random, watchRetry);
    await sleep(clock, delayMs, signal, { background: true }).catch(() => {});
  }
}

/** Writes while it is on. */
class Writer {
  #stop: AbortController | undefined;
  #writing = Promise.resolve();

  constructor(
    private readonly report: MetadataReport,
    private readonly metadata: MetadataInfo,
    private readonly runtime: Runtime,
    private readonly signal: AbortSignal,
  ) {}

  /** Off: resolves when what was under way has ended. */
  async set(isOn: boolean): Promise<void> {
    if (isOn && this.#stop === undefined) {
      this.#stop = new AbortController();
      this.#writing = this.#write(AbortSignal.any([this.#stop.signal, this.signal]));
    } else if (!isOn) {
      this.#stop?.abort(new Error("the metadata are there"));
      this.#stop = undefined;
      await this.#writing;
    }
  }

  async #write(signal: AbortSignal): Promise<void> {
    const { clock, random, log } = this.runtime;
    const { application, revision } = this.metadata;
    const pause = (ms: number) => sleep(clock, ms, signal, { background: true }).catch(() => {});
    await pause(random() * spreadMs);
    for (let failures = 0; !signal.aborted; failures++) {
      try {
        await this.#publish(signal);
      } catch (error) {
        if (failures === 0 && !signal.aborted)
          log.warn({ err: error, application, revision }, "metadata could not be written again yet");
      }
      // Only what the report shows counts: it may have been wiped once more in between.
      await pause(500 + backoffMs(failures, random, retry));
    }
  }

  async #publish(signal: AbortSignal): Promise<void> {
    const late = () => new Error("no answer");
    using limit = deadline(this.runtime.clock, writeLimitMs, late, signal);
    await abortable(this.report.publish(this.metadata, limit.signal), limit.signal);
  }
}
