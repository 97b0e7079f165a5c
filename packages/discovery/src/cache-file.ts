import { createHash } from "node:crypto";
import { mkdir, open, rename, rm, stat } from "node:fs/promises";
import { dirname } from "node:path";

/** The first line of a file; files of another format are left alone. */
const format = "dubbo-ts-discovery/1";

/** No list of instances is larger; reading more would cost memory for nothing. */
const maxBytes = 64 * 1024 * 1024;

/** A file that is there but cannot be trusted. */
export class DamagedFileError extends Error {
  override readonly name = "DamagedFileError";
}

/** What a file holds, and when it was written. */
export interface CacheFileContent {
  readonly savedAtMs: number;
  readonly body: unknown;
}

/**
 * Reads a file that {@link writeCacheFile} wrote. Undefined: there is none, or one of another format.
 * @throws {DamagedFileError} when it is cut off, altered, too large, or no file.
 */
export async function readCacheFile(path: string): Promise<CacheFileContent | undefined> {
  const text = await readBounded(path);
  if (text === undefined) return undefined;
  const end = text.indexOf("\n");
  const header = parse(text.slice(0, Math.max(end, 0)));
  if (typeof header["format"] !== "string") throw new DamagedFileError("no header");
  if (header["format"] !== format) return undefined;
  const body = text.slice(end + 1);
  if (header["sha256"] !== digest(body)) throw new DamagedFileError("the checksum does not match");
  const savedAtMs = header["savedAtMs"];
  if (typeof savedAtMs !== "number") throw new DamagedFileError("no time of writing");
  return { savedAtMs, body: parse(body) };
}

/** The text of such a file. */
export function cacheFileText(savedAtMs: number, body: object): string {
  const text = JSON.stringify(body);
  return `${JSON.stringify({ format, savedAtMs, sha256: digest(text) })}\n${text}`;
}

/** Puts `text` in the place of the file at once: a reader sees the old or the new content, never a part. */
export async function writeCacheFile(path: string, text: string, unique: string): Promise<void> {
  const temporary = `${path}.${unique}.tmp`;
  await mkdir(dirname(path), { recursive: true });
  try {
    const file = await open(temporary, "w", 0o600);
    try {
      await file.writeFile(text, "utf8");
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => {}); // the first error is the one to tell
    throw error;
  }
}

/** A file name for any text: no separators, no dot in front, of bounded length. */
export function safeFileName(prefix: string, text: string): string {
  const escaped = text.replace(/[^A-Za-z0-9._-]/gu, (char) => `%${char.codePointAt(0)?.toString(16)}`);
  const bounded = escaped.length <= 120 ? escaped : `${escaped.slice(0, 80)}~${digest(text).slice(0, 24)}`;
  return `${prefix}-${bounded}.json`;
}

async function readBounded(path: string): Promise<string | undefined> {
  try {
    const { size } = await stat(path);
    if (size > maxBytes) throw new DamagedFileError(`${size} bytes, at most ${maxBytes}`);
    const file = await open(path, "r");
    try {
      return await file.readFile("utf8");
    } finally {
      await file.close();
    }
  } catch (error) {
    const { code } = error as { code?: unknown };
    if (code === "ENOENT") return undefined;
    if (code === "EISDIR") throw new DamagedFileError("it is a directory", { cause: error });
    throw error;
  }
}

/** sha256 in hexadecimal. */
export function digest(text: string): string {
  return createHash("sha256").update(text, "utf8").digest("hex");
}

function parse(text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === "object" && value !== null) return value as Record<string, unknown>;
  } catch (cause) {
    throw new DamagedFileError("no JSON", { cause });
  }
  throw new DamagedFileError("no object");
}
