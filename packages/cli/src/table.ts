import type { Paint } from "./paint.js";
import { oneLine } from "./text.js";

/** Rows under a header, in columns as wide as their widest cell. */
export function tableLines(
  header: readonly string[],
  rows: readonly (readonly string[])[],
  paint: Paint,
): string[] {
  const cells = rows.map((row) => row.map(oneLine));
  const widths = header.map((name, column) =>
    Math.max(name.length, ...cells.map((row) => (row[column] ?? "").length)),
  );
  const line = (row: readonly string[]) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join("  ")
      .trimEnd();
  return [paint.bold(line(header)), ...cells.map(line)];
}
