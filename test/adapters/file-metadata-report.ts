import { link, mkdir, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { randomUUID } from "node:crypto";
import { dirname, join } from "node:path";
import {
  decodeMetadata,
  encodeMetadata,
  MetadataError,
  type MetadataInfo,
  type Runtime,
  systemRuntime,
} from "@dubbo-ts/core";
import type { MappingRecord, MetadataReport } from "@dubbo-ts/metadata";
import { poll } from "./poll.js";

/** Metadata as files `metadata/application/revision`, mappings as `mapping/interface/version`. */
export function fileMetadataReport(directory: string, runtime: Runtime = systemRuntime): MetadataReport {
  return new FileMetadataReport(directory, runtime);
}

class FileMetadataReport implements MetadataReport {
  readonly #closing = new AbortController();

  constructor(
    private readonly directory: string,
    private readonly runtime: Runtime,
  ) {}

  async publish(metadata: MetadataInfo, signal: AbortSignal): Promise<void> {
    this.#check(signal);
    const path = this.#path("metadata", metadata.application, metadata.revision);
    await rename(await writeBeside(path, JSON.stringify(encodeMetadata(metadata))), path);
  }

  async fetch(application: string, revision: string, signal: AbortSignal): Promise<MetadataInfo | undefined> {
    this.#check(signal);
    const text = await readIfThere(this.#path("metadata", application, revision));
    return text === undefined ? undefined : decodeMetadata(application, revision, text);
  }

  watchMetadata(application: string, revision: string, signal: AbortSignal): AsyncIterable<boolean> {
    const ends = AbortSignal.any([signal, this.#closing.signal]);
    const read = async () => (await readIfThere(this.#path("metadata", application, revision))) !== undefined;
    return poll(read, this.runtime.clock, ends);
  }

  async readMapping(serviceInterface: string, signal: AbortSignal): Promise<MappingRecord> {
    this.#check(signal);
    const folder = this.#path("mapping", serviceInterface);
    const versions = (await readdir(folder).catch(() => [])).filter((name) => /^\d+$/.test(name));
    if (versions.length === 0) return { applications: new Set(), version: undefined };
    const version = String(Math.max(...versions.map(Number)));
    const text = (await readIfThere(join(folder, version))) ?? "";
    return { applications: new Set(text.split(",")), version };
  }

  /** `link` fails when the name exists: of two that write the same next version, one wins. */
  async writeMapping(serviceInterface: string, next: MappingRecord, signal: AbortSignal): Promise<boolean> {
    this.#check(signal);
    const path = this.#path("mapping", serviceInterface, String(Number(next.version ?? 0) + 1));
    const written = await writeBeside(path, [...next.applications].join(","));
    try {
      await link(written, path);
      return true;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
      throw error;
    } finally {
      await rm(written);
    }
  }

  watchMapping(serviceInterface: string, signal: AbortSignal): AsyncIterable<ReadonlySet<string>> {
    const ends = AbortSignal.any([signal, this.#closing.signal]);
    let last: MappingRecord | undefined;
    const read = async () => {
      const next = await this.readMapping(serviceInterface, ends);
      if (last === undefined || last.version !== next.version) last = next;
      return last.applications;
    };
    return poll(read, this.runtime.clock, ends);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort();
  }

  #path(...parts: readonly string[]): string {
    return join(this.directory, ...parts.map(encodeURIComponent));
  }

  #check(signal: AbortSignal): void {
    signal.throwIfAborted();
    if (this.#closing.signal.aborted)
      throw new MetadataError("METADATA_UNAVAILABLE", "this report is closed");
  }
}

async function writeBeside(path: string, text: string): Promise<string> {
  await mkdir(dirname(path), { recursive: true });
  const beside = `${path}.${randomUUID()}.tmp`;
  await writeFile(beside, text);
  return beside;
}

async function readIfThere(path: string): Promise<string | undefined> {
  return readFile(path, "utf8").catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return undefined;
    throw new MetadataError("METADATA_UNAVAILABLE", `${path} cannot be read`, { cause: error });
  });
}
