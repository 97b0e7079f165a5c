import { randomUUID } from "node:crypto";
import { rename } from "node:fs/promises";
import { join } from "node:path";
import {
  decodeInstance,
  decodeMetadata,
  encodeInstance,
  encodeMetadata,
  type MetadataInfo,
  type Runtime,
  type ServiceInstance,
  systemRuntime,
  type Timer,
} from "@dubbo-ts/core";
import {
  cacheFileText,
  DamagedFileError,
  digest,
  readCacheFile,
  safeFileName,
  writeCacheFile,
} from "./cache-file.js";
import type { CachedApplication, DiscoveryCache } from "./discovery-cache.js";

/** What {@link diskCache} needs. */
export interface DiskCacheOptions {
  /** Made when it is missing. May be shared by processes and by applications. */
  readonly directory: string;
  /** Keeps apart what must not be mixed: name the registry and its namespace, for example. Default `default`. */
  readonly scope?: string;
  /** What is older is not used. Default 24 hours. */
  readonly maxAgeMs?: number;
  /** Changes within this time are written once; longer where a write takes long, see {@link diskCache}. Default 1000 ms. */
  readonly debounceMs?: number;
  readonly runtime?: Runtime;
}

/**
 * Keeps instances, metadata and mappings in files, one for each application and interface. A file is replaced at
 * once, carries a checksum and the time of writing; one that is damaged is renamed to `*.damaged` and counts as
 * missing. A file whose writing takes a while is written the more rarely, so that this costs a thousandth of the time,
 * but every minute. Trouble with the disk is said once in the log and disturbs nothing else.
 */
export function diskCache(options: DiskCacheOptions): DiscoveryCache {
  return new DiskCache(options);
}

const maxPauseMs = 60_000;

interface Pending {
  readonly timer: Timer;
  body: () => object;
}

class DiskCache implements DiscoveryCache {
  readonly #directory: string;
  readonly #maxAgeMs: number;
  readonly #debounceMs: number;
  readonly #runtime: Runtime;
  readonly #unique = `${process.pid}-${randomUUID().slice(0, 8)}`;
  readonly #pending = new Map<string, Pending>();
  readonly #writing = new Map<string, Promise<void>>();
  /** The digest of what was written last, so that the same is not written again. */
  readonly #written = new Map<string, string>();
  /** How long the next write is put off, where the last one took long. */
  readonly #pauses = new Map<string, number>();
  readonly #complained = new Set<string>();
  #closed = false;

  constructor({
    directory,
    scope = "default",
    maxAgeMs = 24 * 3_600_000,
    debounceMs = 1_000,
    runtime = systemRuntime,
  }: DiskCacheOptions) {
    this.#directory = join(directory, safeFileName("scope", scope).replace(/\.json$/, ""));
    this.#maxAgeMs = maxAgeMs;
    this.#debounceMs = debounceMs;
    this.#runtime = runtime;
  }

  async readApplication(application: string): Promise<CachedApplication | undefined> {
    const path = this.#path("application", application);
    const body = await this.#read(path);
    if (body?.["application"] !== application) return undefined;
    const { instances, metadata } = body;
    return {
      instances: listOf(instances).flatMap((record) => toInstance(application, record)),
      metadata: listOf(metadata).flatMap((record) => toMetadata(application, record)),
    };
  }

  saveApplication(application: string, content: () => CachedApplication): void {
    this.#save(this.#path("application", application), () => {
      const { instances, metadata } = content();
      return { application, instances: instances.map(toRecord), metadata: metadata.map(encodeMetadata) };
    });
  }

  async readMapping(serviceInterface: string): Promise<readonly string[] | undefined> {
    const body = await this.#read(this.#path("mapping", serviceInterface));
    if (body?.["serviceInterface"] !== serviceInterface) return undefined;
    return listOf(body["applications"]).filter((name): name is string => typeof name === "string");
  }

  saveMapping(serviceInterface: string, applications: readonly string[]): void {
    this.#save(this.#path("mapping", serviceInterface), () => ({ serviceInterface, applications }));
  }

  /** Writes what is still waiting. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    for (const path of this.#pending.keys()) this.#flush(path);
    await Promise.all(this.#writing.values());
  }

  #path(kind: string, name: string): string {
    return join(this.#directory, safeFileName(kind, name));
  }

  async #read(path: string): Promise<Record<string, unknown> | undefined> {
    try {
      const content = await readCacheFile(path);
      if (content === undefined) return undefined;
      const ageMs = this.#runtime.clock.wallMs() - content.savedAtMs;
      return ageMs > this.#maxAgeMs ? undefined : (content.body as Record<string, unknown>);
    } catch (error) {
      this.#complain(path, error, "a file of the discovery cache cannot be used");
      if (error instanceof DamagedFileError) await rename(path, `${path}.damaged`).catch(() => {}); // then it stays, and is replaced by the next write
      return undefined;
    }
  }

  #save(path: string, body: () => object): void {
    if (this.#closed) return;
    const pending = this.#pending.get(path);
    if (pending !== undefined) {
      pending.body = body;
      return;
    }
    const pauseMs = Math.max(this.#debounceMs, this.#pauses.get(path) ?? 0);
    const timer = this.#runtime.clock.setTimeout(() => this.#flush(path), pauseMs, { background: true });
    this.#pending.set(path, { timer, body });
  }

  #flush(path: string): void {
    const pending = this.#pending.get(path);
    if (pending === undefined) return;
    pending.timer.cancel();
    this.#pending.delete(path);
    const before = this.#writing.get(path) ?? Promise.resolve();
    const writing = before.then(() => this.#write(path, pending.body));
    this.#writing.set(path, writing);
    void writing.then(() => {
      if (this.#writing.get(path) === writing) this.#writing.delete(path);
    });
  }

  async #write(path: string, makeBody: () => object): Promise<void> {
    const { clock } = this.#runtime;
    const startMs = clock.monotonicMs();
    const body = makeBody();
    const content = digest(JSON.stringify(body));
    if (this.#written.get(path) === content) return;
    const text = cacheFileText(clock.wallMs(), body);
    this.#pauses.set(path, Math.min(maxPauseMs, 1_000 * (clock.monotonicMs() - startMs)));
    try {
      await writeCacheFile(path, text, this.#unique);
      this.#written.set(path, content);
    } catch (error) {
      this.#complain(this.#directory, error, "the discovery cache cannot be written");
    }
  }

  #complain(about: string, error: unknown, message: string): void {
    if (this.#complained.has(about)) return;
    this.#complained.add(about);
    this.#runtime.log.warn({ err: error, path: about }, message);
  }
}

/** An instance as a registry would keep it, so that the same checks apply when it is read. */
function toRecord(instance: ServiceInstance): object {
  const { host, port, weight, enabled, healthy } = instance;
  return { host, port, weight, enabled, healthy, metadata: encodeInstance(instance) };
}

function toInstance(application: string, record: unknown): ServiceInstance[] {
  try {
    return [decodeInstance({ ...(record as Parameters<typeof decodeInstance>[0]), application })];
  } catch {
    return []; // left out, as it would be from a registry
  }
}

function toMetadata(application: string, record: unknown): MetadataInfo[] {
  const { revision } = (record ?? {}) as { revision?: unknown };
  if (typeof revision !== "string") return [];
  try {
    return [decodeMetadata(application, revision, record)];
  } catch {
    return [];
  }
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? (value as unknown[]) : [];
}
