import type { Located, Where } from "./located.js";

/** Something about a configuration that is right as far as it goes, but may not do what its author expects. */
export interface ConfigNotice {
  /** `file:line:column`, or the file alone. */
  readonly where: string;
  /** The keys as they are written, joined by dots. */
  readonly key: string;
  /** One sentence without secrets. */
  readonly message: string;
}

/** A place as people read it. */
export function whereText({ file, line, column }: Where): string {
  return line === undefined ? file : `${file}:${line}:${column ?? 1}`;
}

/** True for a value that switches something off or leaves it at what it is: that it has no effect needs no notice. */
export function asksNothing(node: Located, usual: readonly string[] = []): boolean {
  if (node.kind === "text") return ["", "false", "default", ...usual].includes(node.text.toLowerCase());
  if (node.kind === "list") return node.items.every((item) => asksNothing(item));
  for (const [name, { value }] of node.entries)
    if (/^enabled?$/i.test(name) && value.kind === "text" && value.text.toLowerCase() === "false")
      return true;
  return [...node.entries.values()].every(({ value }) => asksNothing(value));
}
