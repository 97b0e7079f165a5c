import { ConfigError } from "@dubbo-ts/core";
import type { Problem, Where } from "./located.js";
import { whereText } from "./notices.js";

/** More of them are counted, not told. */
const told = 20;

/**
 * One CONFIG_INVALID for all `problems`, each with file, line, column and key path, in the order in which they
 * stand. Throws nothing when there are none.
 */
export function throwIfAny(problems: readonly Problem[]): void {
  if (problems.length === 0) return;
  const lines = problems.toSorted(byPlace).slice(0, told).map(problemText);
  if (problems.length === 1) throw new ConfigError("CONFIG_INVALID", lines[0] as string);
  const shown = lines.map((line) => `\n  ${line}`);
  const more = problems.length > told ? `\n  and ${problems.length - told} more` : "";
  throw new ConfigError("CONFIG_INVALID", `${problems.length} problems:${shown.join("")}${more}`);
}

function problemText({ where, path, message }: Problem): string {
  return `${whereText(where)}: ${path === "" ? "" : `${path}: `}${message}`;
}

// Stable: what has no line keeps its order, and files stay as they were read.
function byPlace({ where: a }: { where: Where }, { where: b }: { where: Where }): number {
  if (a.file !== b.file) return 0;
  return (a.line ?? 0) - (b.line ?? 0) || (a.column ?? 0) - (b.column ?? 0);
}

/** A text of the user in a message: on one line, without control characters, not longer than 60 characters. */
export function quoted(text: string): string {
  return JSON.stringify(text.length > 60 ? `${text.slice(0, 57)}...` : text);
}

/** Names in a message: the first of them. */
export function someOf(names: readonly string[]): string {
  const shown = names.slice(0, told).join(", ");
  return names.length > told ? `${shown} and ${names.length - told} more` : shown;
}
