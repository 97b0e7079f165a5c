import { mkdir, readFile, rename, rm, stat, utimes, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import type { Logger } from "@dubbo-ts/core";
import type { ConfigEntry } from "./config-store.js";
import { asBody, integerOf, objectsOf, textOf } from "./messages.js";

/** The form of the file; another number is another form. */
const version = 1;

/** What {@link SnapshotFile.load} found. */
export interface Snapshot {
  readonly configs: readonly ConfigEntry[];
  /** When a server that had clients last used the file, ms since 1970; 0 when none did. */
  readonly usedAtMs: number;
}

/**
 * The configs of the server in one file, so that the next server starts with them. Written to a temporary file
 * and renamed: a reader finds the old or the new content. Only the process that serves writes it.
 */
export class SnapshotFile {
  #running: Promise<void> | undefined;
  #next: Promise<void> | undefined;

  constructor(
    readonly path: string,
    private readonly log: Logger,
  ) {}

  /** A missing file is an empty snapshot. A damaged one, or one that cannot be read, too: it is put aside as `<path>.damaged`, and that is logged. */
  async load(): Promise<Snapshot> {
    let text: string;
    let usedAtMs: number;
    try {
      text = await readFile(this.path, "utf8");
      usedAtMs = (await stat(this.path)).mtimeMs;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ENOENT") await this.#putAside(error);
      return { configs: [], usedAtMs: 0 };
    }
    try {
      return { configs: parse(text), usedAtMs };
    } catch (error) {
      await this.#putAside(error);
      return { configs: [], usedAtMs };
    }
  }

  /** The next write would otherwise take its place. */
  async #putAside(error: unknown): Promise<void> {
    const fields = { file: this.path, err: error };
    this.log.warn(fields, "the embedded registry's file is damaged and is put aside");
    await rename(this.path, `${this.path}.damaged`).catch(() => {});
  }

  /**
   * Resolves when a state not older than this call is in the file; writes of the same moment are one. Failing to
   * write is logged and else ignored: the registry works on without its file.
   */
  save(read: () => readonly ConfigEntry[]): Promise<void> {
    if (this.#running === undefined) {
      this.#running = this.#write(read).finally(() => {
        this.#running = undefined;
      });
      return this.#running;
    }
    this.#next ??= this.#running.then(() => {
      this.#next = undefined;
      return this.save(read);
    });
    return this.#next;
  }

  /**
   * Says in the file's time that its server has clients now, or, with `atMs` 0, that it leaves none behind: a
   * server that starts soon after the first has clients to wait for. False: there is no file yet.
   */
  async markUsed(atMs: number): Promise<boolean> {
    return utimes(this.path, atMs / 1000, atMs / 1000).then(
      () => true,
      () => false,
    );
  }

  async #write(read: () => readonly ConfigEntry[]): Promise<void> {
    const temporary = `${this.path}.${process.pid}.tmp`;
    try {
      await mkdir(dirname(this.path), { recursive: true, mode: 0o700 });
      await writeFile(temporary, JSON.stringify({ version, configs: read() }), { mode: 0o600 });
      await rename(temporary, this.path);
    } catch (error) {
      this.log.warn({ file: this.path, err: error }, "the embedded registry cannot write its file");
      await rm(temporary, { force: true }).catch(() => {});
    }
  }
}

function parse(text: string): readonly ConfigEntry[] {
  const record = asBody(JSON.parse(text));
  if (record?.["version"] !== version) throw new Error(`version ${String(record?.["version"])} is not known`);
  return objectsOf(record, "configs").flatMap((entry) => {
    const [dataId, group, content] = [
      textOf(entry, "dataId"),
      textOf(entry, "group"),
      textOf(entry, "content"),
    ];
    if (dataId === undefined || group === undefined || content === undefined) return [];
    const rest = { tenant: textOf(entry, "tenant") ?? "", type: textOf(entry, "type") ?? "text" };
    return [{ dataId, group, content, ...rest, lastModified: integerOf(entry, "lastModified", 0) }];
  });
}
