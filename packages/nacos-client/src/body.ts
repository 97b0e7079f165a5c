/** The JSON of a message. What others wrote is read tolerantly: a missing or strange field has a default (registries G15). */
export type Body = Readonly<Record<string, unknown>>;

/** An own field of `body`: never one that it inherits. */
function own(body: Body, key: string): unknown {
  return Object.hasOwn(body, key) ? body[key] : undefined;
}

/** A text; numbers become text, all else is `fallback`. */
export function textOf(body: Body, key: string, fallback = ""): string {
  const value = own(body, key);
  if (typeof value === "string") return value;
  return typeof value === "number" ? String(value) : fallback;
}

/** A finite number, also when it was written as text (`serverPort` of ConnectReset is). */
export function numberOf(body: Body, key: string, fallback = 0): number {
  const value = own(body, key);
  const number = typeof value === "string" && value.trim() !== "" ? Number(value) : value;
  return typeof number === "number" && Number.isFinite(number) ? number : fallback;
}

/** A truth value; all else is `fallback`. */
export function flagOf(body: Body, key: string, fallback = false): boolean {
  const value = own(body, key);
  return typeof value === "boolean" ? value : fallback;
}

/** A nested object, undefined when there is none. */
export function bodyOf(body: Body, key: string): Body | undefined {
  return asBody(own(body, key));
}

/** The objects of a list; what is none is left out. */
export function bodiesOf(body: Body, key: string): readonly Body[] {
  return listOf(body, key)
    .map(asBody)
    .filter((item) => item !== undefined);
}

/** The texts of a list; what is none is left out. */
export function textsOf(body: Body, key: string): readonly string[] {
  return listOf(body, key).filter((item) => typeof item === "string");
}

/** A map of texts without prototype; values that are no text become text, null is left out. */
export function textMapOf(body: Body, key: string): Readonly<Record<string, string>> {
  const texts = Object.create(null) as Record<string, string>;
  for (const [name, value] of Object.entries(bodyOf(body, key) ?? {})) {
    if (value === null || value === undefined) continue;
    texts[name] = typeof value === "string" ? value : JSON.stringify(value);
  }
  return Object.freeze(texts);
}

function listOf(body: Body, key: string): readonly unknown[] {
  const value = own(body, key);
  return Array.isArray(value) ? (value as unknown[]) : [];
}

function asBody(value: unknown): Body | undefined {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Body) : undefined;
}
