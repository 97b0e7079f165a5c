import {
  abortable,
  MetadataError,
  type MetadataInfo,
  type MetadataStorage,
  RegistryError,
} from "@dubbo-ts/core";
import { type MetadataReport, ServiceNameMapping } from "@dubbo-ts/metadata";
import type { BackgroundWork } from "./background-work.js";
import { keepMetadata } from "./metadata-keeper.js";

/** What a {@link MetadataPublisher} needs. */
export interface MetadataPublisherOptions {
  readonly reports: readonly MetadataReport[];
  /** True: metadata goes to the reports with storage `local` too. */
  readonly reportLocalMetadata: boolean;
  /** How often the mapping is looked after, in the mean. */
  readonly verifyMs: number;
}

/**
 * Puts metadata and mapping of an application where consumers look for them, before they see its instance; then sees
 * to it that they stay there. Its retries are `work` of the publisher that it belongs to.
 */
export class MetadataPublisher implements AsyncDisposable {
  readonly #mapping: ServiceNameMapping;
  readonly #mapped = new Set<string>();
  /** What an instance shows at present. */
  #kept: MetadataInfo | undefined;
  /** Ends the keeping of {@link #kept} in the reports. */
  #release: AbortController | undefined;
  #watched = false;

  constructor(
    private readonly options: MetadataPublisherOptions,
    private readonly work: BackgroundWork,
  ) {
    this.#mapping = new ServiceNameMapping({ reports: options.reports, runtime: work.runtime });
  }

  /** Resolves when a consumer can have all of it, with a mapping that may still be under way. */
  async publish(metadata: MetadataInfo, storage: MetadataStorage, signal: AbortSignal): Promise<void> {
    await this.#report(metadata, storage, signal);
    await this.#map(metadata, signal);
  }

  /** From now on an instance shows what was published: whatever a report loses is written again. */
  keep(metadata: MetadataInfo, storage: MetadataStorage): void {
    if (this.#kept?.revision !== metadata.revision)
      this.#release?.abort(new Error("there is a newer revision"));
    this.#kept = metadata;
    if (this.#isReported(storage)) this.#keepReported(metadata);
    this.#lookAfter(metadata);
  }

  /** No instance shows it any more. */
  release(): void {
    this.#kept = undefined;
    this.#release?.abort(new Error("nothing is published any more"));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#mapping[Symbol.asyncDispose]();
  }

  #isReported(storage: MetadataStorage): boolean {
    return storage === "remote" || this.options.reportLocalMetadata;
  }

  #keepReported(metadata: MetadataInfo): void {
    if (this.#release?.signal.aborted === false) return;
    this.#release = new AbortController();
    const signal = AbortSignal.any([this.#release.signal, this.work.signal]);
    for (const report of this.options.reports)
      this.work.run(() => keepMetadata(report, metadata, this.work.runtime, signal));
  }

  /** One report that has it is enough to go on; the others get it while it is kept, as soon as they can be reached. */
  async #report(metadata: MetadataInfo, storage: MetadataStorage, signal: AbortSignal): Promise<void> {
    if (!this.#isReported(storage)) return;
    const { reports } = this.options;
    const publishing = reports.map((report) => abortable(report.publish(metadata, signal), signal));
    this.work.run(async () => void (await Promise.allSettled(publishing)));
    if (storage !== "remote") return;
    try {
      await Promise.any(publishing);
    } catch (cause) {
      signal.throwIfAborted();
      throw notTaken(metadata.application, (cause as AggregateError).errors as readonly unknown[]);
    }
  }

  /** A mapping that fails is tried again in the background: it hides the interface from new consumers only. */
  async #map({ services, application }: MetadataInfo, signal: AbortSignal): Promise<void> {
    const interfaces = new Set([...services.values()].map(({ key }) => key.serviceInterface));
    const missing = [...interfaces].filter((name) => !this.#mapped.has(name));
    const worker = async () => {
      for (let name = missing.pop(); name !== undefined; name = missing.pop()) {
        await this.#mapping.add(name, application, signal);
        this.#mapped.add(name);
      }
    };
    await Promise.all(Array.from({ length: Math.min(16, missing.length) }, worker));
  }

  #lookAfter({ services, application }: MetadataInfo): void {
    const [first] = services.values();
    const { reports, verifyMs } = this.options;
    if (this.#watched || first === undefined || reports.length === 0) return;
    this.#watched = true;
    const { work } = this;
    const onLost = () => work.run(() => this.#mapAgain());
    work.run(() => this.#mapping.whenLost(first.key.serviceInterface, application, onLost, work.signal));
    work.run(async () => {
      while (!work.signal.aborted) {
        await work.pause(verifyMs * (0.75 + work.runtime.random() / 2));
        if (!work.signal.aborted) await this.#mapAgain();
      }
    });
  }

  async #mapAgain(): Promise<void> {
    if (this.#kept === undefined) return;
    using limit = this.work.limit(10_000, () => new Error("late"));
    try {
      this.#mapped.clear();
      await this.#map(this.#kept, limit.signal);
    } catch (error) {
      this.work.runtime.log.warn({ err: error }, "the mapping could not be written again yet");
    }
  }
}

/** No report took the metadata. A single one that refuses for good says best why. */
function notTaken(application: string, errors: readonly unknown[]): unknown {
  const [first] = errors;
  if (errors.length === 1 && first instanceof RegistryError) return first;
  const reasons = errors.map((error) => (error instanceof Error ? error.message : String(error)));
  const why = `metadata of ${application}: no report took it: ${reasons.join("; ")}`;
  return new MetadataError("METADATA_UNAVAILABLE", why, { cause: errors.length === 1 ? first : errors });
}
