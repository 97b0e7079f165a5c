import { keyBytes, type KeyRange, type KeyValue, keyValue, wireRange } from "./key-value.js";
import type { WireCompare, WireRequestOp, WireResponseOp } from "./wire.js";

/** What has to hold for a key; one that does not exist has 0n for each of the numbers. */
export type Compare = { readonly key: string; readonly is?: "equal" | "greater" | "less" | "different" } & (
  | { readonly version: bigint }
  | { readonly createRevision: bigint }
  | { readonly modRevision: bigint }
  | { readonly lease: bigint }
  | { readonly value: string | Uint8Array }
);

/** One step of a transaction. */
export type Operation =
  | {
      readonly type: "put";
      readonly key: string;
      readonly value: string | Uint8Array;
      readonly lease?: bigint;
    }
  | { readonly type: "delete"; readonly range: KeyRange }
  | { readonly type: "get"; readonly range: KeyRange };

/** What became of one step. */
export type OperationResult =
  | { readonly type: "put" }
  | { readonly type: "delete"; readonly deleted: number }
  | { readonly type: "get"; readonly entries: readonly KeyValue[] };

/** A transaction: all of `success` when all of `compare` hold, else all of `failure`. */
export interface Txn {
  readonly compare: readonly Compare[];
  readonly success: readonly Operation[];
  /** Default: nothing. */
  readonly failure?: readonly Operation[] | undefined;
}

/** What became of a {@link Txn}. */
export interface TxnResult {
  /** All of `compare` held. */
  readonly succeeded: boolean;
  readonly revision: bigint;
  /** One for each step of the branch that was taken. */
  readonly results: readonly OperationResult[];
}

const results = { equal: 0, greater: 1, less: 2, different: 3 } as const;

/** A comparison as `rpc.proto` has it. */
export function wireCompare(compare: Compare): WireCompare {
  const common = { result: results[compare.is ?? "equal"], key: keyBytes(compare.key) };
  if ("version" in compare) return { ...common, target: 0, version: compare.version };
  if ("createRevision" in compare) return { ...common, target: 1, createRevision: compare.createRevision };
  if ("modRevision" in compare) return { ...common, target: 2, modRevision: compare.modRevision };
  if ("value" in compare) return { ...common, target: 3, value: Buffer.from(compare.value) };
  return { ...common, target: 4, lease: compare.lease };
}

/** An operation as `rpc.proto` has it. */
export function wireOperation(operation: Operation): WireRequestOp {
  switch (operation.type) {
    case "put":
      return {
        requestPut: {
          key: keyBytes(operation.key),
          value: Buffer.from(operation.value),
          lease: operation.lease ?? 0n,
        },
      };
    case "delete":
      return { requestDeleteRange: wireRange(operation.range) };
    case "get":
      return { requestRange: wireRange(operation.range) };
  }
}

/** What an operation of a transaction gave. */
export function operationResult({ responseRange, responseDeleteRange }: WireResponseOp): OperationResult {
  if (responseRange) return { type: "get", entries: responseRange.kvs.map(keyValue) };
  if (responseDeleteRange) return { type: "delete", deleted: Number(responseDeleteRange.deleted) };
  return { type: "put" };
}
