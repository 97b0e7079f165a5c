import { EtcdError } from "./errors.js";
import type { WireKeyValue, WireRange } from "./wire.js";

/** A key at one moment. Never changed: a change is a new object. */
export interface KeyValue {
  /** As UTF-8. */
  readonly key: string;
  readonly value: Buffer;
  /** Revision of the store at which the key was made. */
  readonly createRevision: bigint;
  /** Revision of the store at which it was written last. */
  readonly modRevision: bigint;
  /** How often it was written since it was made, from 1 on. */
  readonly version: bigint;
  /** 0n: none. */
  readonly lease: bigint;
}

/** Which keys: one, or all that begin with a prefix that ends with `/`. */
export type KeyRange = { readonly key: string } | { readonly prefix: string };

/** @throws {EtcdError} INVALID_ARGUMENT: the key is empty, or the prefix does not end with `/`. */
export function wireRange(range: KeyRange): WireRange {
  if ("key" in range) return { key: keyBytes(range.key) };
  // Without the slash `/services/demo` would mean `/services/demo-2/…` too (registries C3).
  if (!range.prefix.endsWith("/"))
    throw new EtcdError("INVALID_ARGUMENT", `prefix ${JSON.stringify(range.prefix)} does not end with /`);
  const key = keyBytes(range.prefix);
  const rangeEnd = Buffer.from(key);
  rangeEnd[rangeEnd.length - 1] = "/".charCodeAt(0) + 1;
  return { key, rangeEnd };
}

/** @throws {EtcdError} INVALID_ARGUMENT: it is empty. */
export function keyBytes(key: string): Buffer {
  if (key === "") throw new EtcdError("INVALID_ARGUMENT", "an empty key");
  return Buffer.from(key, "utf8");
}

/** Copies: what came in one message would otherwise be kept as a whole. */
export function keyValue({ key, value, ...rest }: WireKeyValue): KeyValue {
  return { ...rest, key: key.toString("utf8"), value: Buffer.from(value) };
}

/** The same writing of the same key, whichever way it came. */
export function sameWriting(a: KeyValue, b: KeyValue): boolean {
  return (
    a.modRevision === b.modRevision &&
    a.createRevision === b.createRevision &&
    a.lease === b.lease &&
    a.value.equals(b.value)
  );
}
