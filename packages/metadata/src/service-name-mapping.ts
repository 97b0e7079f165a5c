import { setMaxListeners } from "node:events";
import {
  abortable,
  deadline,
  Latest,
  MetadataError,
  type Runtime,
  sleep,
  systemRuntime,
} from "@dubbo-ts/core";
import type { MetadataReport } from "./metadata-report.js";

/** What a {@link ServiceNameMapping} needs. */
export interface ServiceNameMappingOptions {
  readonly reports: readonly MetadataReport[];
  readonly runtime?: Runtime;
  /** How long {@link ServiceNameMapping.add} tries before it goes on in the background. Default 3000 ms. */
  readonly addTimeoutMs?: number;
}

/**
 * Providers start together and write to one record: a write that lost the race is read again and repeated.
 * The limits are those of MetadataServiceNameMapping.java in apache/dubbo, which may write the same record.
 */
const casLimits = { retries: 10, maxDelayMs: 100 } as const;

/** How often a mapping that could not be written is tried again, as in Java. */
const retryIntervalMs = 5_000;

/** Never mapped: consumers find it through the instance record (app-level discovery 5.2). */
const unmapped = "org.apache.dubbo.metadata.MetadataService";

/** Which applications provide an interface: written by providers, followed by consumers, over all reports. */
export class ServiceNameMapping implements AsyncDisposable {
  readonly #reports: readonly MetadataReport[];
  readonly #runtime: Runtime;
  readonly #addTimeoutMs: number;
  readonly #closing = new AbortController();
  /** What is tried in the background, by report. */
  readonly #behind = new Map<MetadataReport, Map<string, Promise<void>>>();

  constructor({ reports, runtime = systemRuntime, addTimeoutMs = 3_000 }: ServiceNameMappingOptions) {
    this.#reports = reports;
    this.#runtime = runtime;
    this.#addTimeoutMs = addTimeoutMs;
    setMaxListeners(0, this.#closing.signal); // one for each interface that waits for another try
  }

  /**
   * Adds `application` to the interface in every report. True: it is there. False: what failed within the bounded
   * tries goes on in the background, every five seconds until it succeeds.
   */
  async add(serviceInterface: string, application: string, signal: AbortSignal): Promise<boolean> {
    if (serviceInterface === unmapped) return true;
    const added = await Promise.all(
      this.#reports.map((report) => this.#addTo(report, serviceInterface, application, signal)),
    );
    return added.every(Boolean);
  }

  /**
   * The applications that provide the interface, by any report: now and after each change. A report that cannot
   * be asked delays the first value only while the others know of no application.
   */
  async *watch(
    serviceInterface: string,
    signal: AbortSignal,
  ): AsyncGenerator<ReadonlySet<string>, void, undefined> {
    if (signal.aborted) return;
    const stop = new AbortController();
    const onAbort = () => stop.abort(signal.reason);
    signal.addEventListener("abort", onAbort, { once: true });
    const latest = new Latest<ReadonlySet<string>>(stop.signal);
    if (this.#reports.length === 0) latest.set(new Set());
    const heard = new Map<MetadataReport, ReadonlySet<string>>();
    const following = this.#reports.map((report) =>
      this.#follow(report, serviceInterface, stop.signal, (applications) => {
        heard.set(report, applications);
        const union = new Set([...heard.values()].flatMap((set) => [...set]));
        if (union.size > 0 || heard.size === this.#reports.length) latest.set(union);
      }),
    );
    try {
      yield* latest;
    } finally {
      signal.removeEventListener("abort", onAbort);
      stop.abort(new Error("the mapping is not watched any more"));
      await Promise.all(following);
    }
  }

  /**
   * Calls `onLost` whenever a report that had `application` under the interface has it no more: somebody wiped
   * it. Resolves when `signal` aborts.
   */
  async whenLost(
    serviceInterface: string,
    application: string,
    onLost: () => void,
    signal: AbortSignal,
  ): Promise<void> {
    const had = new Set<MetadataReport>();
    await Promise.all(
      this.#reports.map((report) =>
        this.#follow(report, serviceInterface, signal, (applications) => {
          if (applications.has(application)) had.add(report);
          else if (had.delete(report)) onLost();
        }),
      ),
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort(new MetadataError("METADATA_UNAVAILABLE", "the mapping is closed"));
    await Promise.all([...this.#behind.values()].flatMap((tasks) => [...tasks.values()]));
  }

  async #addTo(
    report: MetadataReport,
    serviceInterface: string,
    application: string,
    signal: AbortSignal,
  ): Promise<boolean> {
    const late = () => {
      const { failure: cause } = report;
      const why = `no answer within ${this.#addTimeoutMs} ms${cause === undefined ? "" : `: ${cause.message}`}`;
      return new MetadataError("METADATA_UNAVAILABLE", why, { cause });
    };
    const limit = deadline(this.#runtime.clock, this.#addTimeoutMs, late, signal);
    try {
      await abortable(this.#compareAndSet(report, serviceInterface, application, limit.signal), limit.signal);
      return true;
    } catch (error) {
      signal.throwIfAborted();
      this.#goOn(report, serviceInterface, application, error);
      return false;
    } finally {
      limit[Symbol.dispose]();
    }
  }

  async #compareAndSet(
    report: MetadataReport,
    serviceInterface: string,
    application: string,
    signal: AbortSignal,
  ): Promise<void> {
    const { clock, random } = this.#runtime;
    for (let tries = 0; tries <= casLimits.retries; tries++) {
      if (tries > 0) await sleep(clock, random() * casLimits.maxDelayMs, signal);
      const { applications, version } = await report.readMapping(serviceInterface, signal);
      if (applications.has(application)) return;
      const next = { applications: new Set([...applications, application]), version };
      if (await report.writeMapping(serviceInterface, next, signal)) return;
    }
    throw new MetadataError(
      "MAPPING_CONFLICT",
      `mapping of ${serviceInterface}: ${casLimits.retries} times another writer came first`,
    );
  }

  #goOn(report: MetadataReport, serviceInterface: string, application: string, error: unknown): void {
    const tasks = this.#behind.get(report) ?? new Map<string, Promise<void>>();
    this.#behind.set(report, tasks);
    const key = `${serviceInterface}\n${application}`;
    if (tasks.has(key) || this.#closing.signal.aborted) return;
    if (tasks.size === 0)
      this.#runtime.log.warn(
        { err: error, serviceInterface, application },
        "the mapping could not be written: consumers without provided-by will not find this interface; it is tried again",
      );
    const task = this.#retryUntilAdded(report, serviceInterface, application)
      .catch(() => {}) // only closing ends it so
      .finally(() => {
        tasks.delete(key);
        if (tasks.size === 0 && !this.#closing.signal.aborted)
          this.#runtime.log.info({ serviceInterface, application }, "the mapping is written");
      });
    tasks.set(key, task);
  }

  async #retryUntilAdded(
    report: MetadataReport,
    serviceInterface: string,
    application: string,
  ): Promise<void> {
    const { clock, random } = this.#runtime;
    const { signal } = this.#closing;
    for (;;) {
      await sleep(clock, retryIntervalMs * (0.8 + random() * 0.2), signal, { background: true });
      const limit = deadline(clock, retryIntervalMs, () => new Error("no answer"), signal);
      try {
        await abortable(
          this.#compareAndSet(report, serviceInterface, application, limit.signal),
          limit.signal,
        );
        return;
      } catch {
        signal.throwIfAborted(); // else once more: the first failure is in the log
      } finally {
        limit[Symbol.dispose]();
      }
    }
  }

  /** Reads the mapping of one report until `signal` aborts; begins anew where the report fails. */
  async #follow(
    report: MetadataReport,
    serviceInterface: string,
    signal: AbortSignal,
    onApplications: (applications: ReadonlySet<string>) => void,
  ): Promise<void> {
    const { clock, random, log } = this.#runtime;
    for (let failures = 0; !signal.aborted; failures++) {
      try {
        for await (const applications of report.watchMapping(serviceInterface, signal)) {
          failures = 0;
          onApplications(applications);
        }
      } catch (error) {
        if (failures === 0) log.warn({ err: error, serviceInterface }, "the mapping cannot be watched yet");
      }
      const delayMs = Math.min(10_000, 1_000 * 2 ** Math.min(failures, 10));
      await sleep(clock, delayMs * (0.5 + random() / 2), signal, { background: true }).catch(() => {});
    }
  }
}
