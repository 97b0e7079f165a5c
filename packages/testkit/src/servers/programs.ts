import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";

/** Where a program is, as the shell would look for it. */
export function onPath(name: string): string | undefined {
  return (process.env["PATH"] ?? "")
    .split(delimiter)
    .map((folder) => join(folder, name))
    .find((path) => existsSync(path));
}
