/** One setting of a text of Java properties. */
export interface Property {
  readonly name: string;
  readonly value: string;
  /** From 1. */
  readonly line: number;
}

/** No text of settings is longer; what is longer would only cost time. */
const maxCharacters = 256 * 1024;

/**
 * Reads what `java.util.Properties` reads: `name=value`, `name: value`, `name value`, comments after `#` or `!`,
 * lines that end in a backslash go on in the next one, `\u0041` and `\n` stand for characters. Of a name that stands
 * there twice the last one counts.
 *
 * @returns undefined: the text is too long.
 */
export function readProperties(text: string): readonly Property[] | undefined {
  if (text.length > maxCharacters) return undefined;
  const found = new Map<string, Property>();
  for (const { content, line } of logicalLines(text)) {
    const end = nameEnd(content);
    const name = unescaped(content.slice(0, end));
    const value = unescaped(content.slice(end).replace(/^[ \t\f]*[=:]?[ \t\f]*/, ""));
    found.delete(name);
    found.set(name, { name, value, line });
  }
  return [...found.values()];
}

function* logicalLines(text: string): Iterable<{ content: string; line: number }> {
  const lines = text.split(/\r\n|\r|\n/);
  for (let at = 0; at < lines.length; at += 1) {
    const line = at + 1;
    let last = (lines[at] as string).trimStart();
    if (last === "" || last.startsWith("#") || last.startsWith("!")) continue;
    const parts: string[] = [];
    while (goesOn(last) && at + 1 < lines.length) {
      parts.push(last.slice(0, -1));
      last = (lines[(at += 1)] as string).trimStart();
    }
    parts.push(goesOn(last) ? last.slice(0, -1) : last);
    yield { content: parts.join(""), line };
  }
}

/** True when an odd number of backslashes ends the line. */
function goesOn(line: string): boolean {
  let count = 0;
  while (line[line.length - 1 - count] === "\\") count += 1;
  return count % 2 === 1;
}

/** Where the name ends: before the first `=`, `:` or blank without a backslash. */
function nameEnd(content: string): number {
  for (let at = 0; at < content.length; at += 1) {
    const char = content[at] as string;
    if (char === "\\") at += 1;
    else if (/[=:\s]/.test(char)) return at;
  }
  return content.length;
}

const escapes: Readonly<Record<string, string>> = { n: "\n", r: "\r", t: "\t", f: "\f" };

function unescaped(text: string): string {
  return text.replace(/\\(?:u([0-9a-fA-F]{4})|([\s\S]))/g, (_, hex: string | undefined, char: string) =>
    hex === undefined ? (escapes[char] ?? char) : String.fromCharCode(Number.parseInt(hex, 16)),
  );
}
