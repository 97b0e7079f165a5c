import { serverError } from "./errors.js";
import type { JuteReader, JuteWriter } from "./jute.js";
import { type Acl, opcodes, readStat, type Stat, writeAcl } from "./records.js";

/** One step of a transaction. A version that is left out is -1: any. */
export type Operation =
  | {
      readonly type: "create";
      readonly path: string;
      readonly data: Uint8Array;
      readonly mode?: "persistent" | "ephemeral";
    }
  | { readonly type: "delete"; readonly path: string; readonly version?: number }
  | {
      readonly type: "setData";
      readonly path: string;
      readonly data: Uint8Array;
      readonly version?: number;
    }
  /** Does nothing, and fails with BAD_VERSION or NO_NODE. */
  | { readonly type: "check"; readonly path: string; readonly version: number };

/** What a step gave: the path of `create`, the stat of `setData`. */
export interface MultiResult {
  readonly path?: string;
  readonly stat?: Stat;
}

/** Marks a step that was not tried or was taken back, since another one failed. */
const rolledBack: ReadonlySet<number> = new Set([0, -2]);

/** Writes the body of a multi request: a header before each step, and one after the last. */
export function writeMulti(
  writer: JuteWriter,
  operations: readonly Operation[],
  { acl, absolute }: { readonly acl: readonly Acl[]; readonly absolute: (path: string) => string },
): void {
  for (const operation of operations) {
    writer.int(opcodes[operation.type]).bool(false).int(-1).string(absolute(operation.path));
    writeStep(writer, operation, acl);
  }
  writer.int(-1).bool(true).int(-1);
}

function writeStep(writer: JuteWriter, operation: Operation, acl: readonly Acl[]): void {
  switch (operation.type) {
    case "create":
      writeAcl(writer.buffer(operation.data), acl);
      writer.int(operation.mode === "ephemeral" ? 1 : 0);
      return;
    case "setData":
      writer.buffer(operation.data).int(operation.version ?? -1);
      return;
    case "delete":
    case "check":
      writer.int(operation.version ?? -1);
  }
}

/**
 * Reads the answer.
 * @throws {ZooKeeperError} of the first step that failed; nothing was done then.
 */
export function readMulti(
  reader: JuteReader,
  operations: readonly Operation[],
  relative: (path: string) => string,
): readonly MultiResult[] {
  const results: MultiResult[] = [];
  for (let at = 0; ; at += 1) {
    const type = reader.int();
    const done = reader.bool();
    reader.int();
    if (done) return results;
    if (type === -1) {
      const error = reader.int();
      if (!rolledBack.has(error)) throw serverError(error, operations[at]?.path);
    }
    results.push(readStep(reader, type, relative));
  }
}

function readStep(reader: JuteReader, type: number, relative: (path: string) => string): MultiResult {
  if (type === opcodes.create) return { path: relative(reader.string()) };
  if (type === opcodes.setData) return { stat: readStat(reader) };
  return {};
}
