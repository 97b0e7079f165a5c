import type { JavaType } from "./java-type.js";
import { describeValue } from "./text-forms.js";
import { maxDepth, type Walk } from "./walk.js";

/** What is wrong with a value, and where in it: `.tags[2]`. */
export interface Problem {
  path: string;
  readonly why: string;
}

/** Undefined when the value fits. Only a misfit costs an allocation, since this runs on every call. */
export type Check = (value: unknown, walk: Walk) => Problem | undefined;

/** The value itself is wrong. */
export function problem(expected: string, value: unknown): Problem {
  return { path: "", why: `expected ${expected}, got ${describeValue(value)}` };
}

/** The same problem, seen from one level further out. */
export function under(step: string, found: Problem): Problem {
  found.path = step + found.path;
  return found;
}

/**
 * Checks what a recursive type, or `any`, holds: once for each value, and down to a depth. Every cycle of values
 * goes through one of the two, so that only they need to look for it.
 */
export function walkInto(
  value: unknown,
  walk: Walk,
  type: JavaType,
  check: () => Check,
): Problem | undefined {
  const container = typeof value === "object" && value !== null;
  if (container && !walk.firstVisit(type, value)) return undefined;
  if (walk.depth >= maxDepth) return { path: "", why: `nested deeper than ${maxDepth} levels` };
  walk.depth += 1;
  const found = check()(value, walk);
  walk.depth -= 1;
  return found;
}
