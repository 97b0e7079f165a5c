// Control characters of a peer must not move the cursor, clear the screen or forge lines.
const control = /[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069]/gu;

/** `text` on one line, and harmless to a terminal. */
export function oneLine(text: string): string {
  return text.replace(/\s*\r?\n\s*/g, " ").replace(control, "\ufffd");
}

/** `text` in as many lines as it has, each harmless to a terminal. */
export function linesOf(text: string): string[] {
  return text.split(/\r?\n/).map((line) => line.replace(control, "\ufffd"));
}

/** JSON, indented for people or on one line for programs; what moves a terminal is escaped, as JSON may. */
export function jsonText(value: unknown, { indented = false } = {}): string {
  const text = JSON.stringify(value, undefined, indented ? 2 : undefined) ?? "null";
  return text.replace(/[\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g, escaped);
}

function escaped(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
}

/** The message of an error, with those of its causes that say something new. */
export function messageOf(error: unknown): string {
  const seen = new Set<unknown>();
  const messages: string[] = [];
  for (let one = error; one !== undefined && one !== null && !seen.has(one); one = (one as Error).cause) {
    seen.add(one);
    messages.push(one instanceof AggregateError ? one.errors.map(messageOf).join("; ") : ownMessage(one));
  }
  return messages
    .filter((message, index) => message !== "" && !isTold(message, messages.slice(0, index)))
    .join(": ");
}

/** What grpc-js and Node put around a reason. */
const around =
  /^(?:\d+ [A-Z_]+: )?(?:No connection established\. Last error: )?(?:Error: )?|(?: \(\d{4}-[^)]*\))?\.? Resolution note: ?$/g;

/** What wraps an error repeats it, as a rule. */
function isTold(message: string, before: readonly string[]): boolean {
  const reason = message.replace(around, "");
  return before.some((one) => one.includes(reason));
}

function ownMessage(error: unknown): string {
  return error instanceof Error ? error.message || error.name : String(error);
}

/** `1 instance`, `2 instances`. */
export function count(number: number, noun: string, plural = `${noun}s`): string {
  return `${number} ${number === 1 ? noun : plural}`;
}

/** The first few of `items`, and how many more there are. */
export function someOf(items: readonly string[], most = 5): string {
  const more = items.length - most;
  return items.slice(0, most).join(", ") + (more > 0 ? ` and ${more} more` : "");
}
