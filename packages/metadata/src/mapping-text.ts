/**
 * The applications of a mapping as every store keeps them: names after commas, in the order in which they were added
 * (app-level discovery 5). Blanks and empty names, as people leave them, are passed over.
 */
export function applicationsIn(text: string | null | undefined): ReadonlySet<string> {
  const names = (text ?? "").split(",").map((name) => name.trim());
  return new Set(names.filter((name) => name !== ""));
}

/** The inverse of {@link applicationsIn}. */
export function mappingText(applications: Iterable<string>): string {
  return [...applications].join(",");
}
