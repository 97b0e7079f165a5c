import { z } from "zod";

/** What is said about a key beside its type. */
export interface KeyMeta {
  readonly description?: string;
  /** Other words for it, in Dubbo for Java and Go; spellings of the name itself need none. */
  readonly aliases?: readonly string[];
  /** The map may be a list whose items have this key. */
  readonly namedBy?: string;
  /** A single text stands for this key of the map. */
  readonly shorthand?: string;
  /** `none`: known, and without meaning here. `later`: kept in the configuration, and not used yet. */
  readonly effect?: "none" | "later";
  /** True: a running application takes a new value over (config-center.md). */
  readonly hot?: boolean;
  /** What holds in a section where nobody says anything, and the schema has no default: for people. */
  readonly otherwise?: string;
  /** Why there is no effect. */
  readonly why?: string;
  /** Values, lower case, that are as if nothing was said: no notice tells that they have no effect. */
  readonly usual?: readonly string[];
  /** What its values are called in the reference. */
  readonly type?: string;
  /** What editors check, as JSON Schema. */
  readonly json?: object;
}

/** A key of the file: what it does, and its type. */
export function key<S extends z.ZodType>(description: string, schema: S, more: KeyMeta = {}): S {
  return schema.meta({ description, ...more });
}

/** A key whose new value a running application takes over. */
export function hot<S extends z.ZodType>(description: string, schema: S, more: KeyMeta = {}): S {
  return key(description, schema, { ...more, hot: true });
}

/** A key that is read into the configuration for programs to use, while the framework does nothing with it yet. */
export function later<S extends z.ZodType>(description: string, schema: S, more: KeyMeta = {}): S {
  return key(description, schema, { ...more, effect: "later" });
}

/** A key that other Dubbo programs have and that has no meaning here; whatever stands there is accepted. */
export function inert(why: string, more: KeyMeta = {}) {
  return z
    .unknown()
    .optional()
    .meta({ effect: "none", why, ...more });
}

/** The same for several keys. */
export function inerts<K extends string>(why: string, ...names: readonly K[]) {
  return Object.fromEntries(names.map((name) => [name, inert(why)])) as Record<K, ReturnType<typeof inert>>;
}

/** The schema within optional and default ones, what is said about it on the way, and its default. */
export function unwrap(schema: unknown): { schema: unknown; meta: KeyMeta; byDefault?: unknown } {
  let meta: KeyMeta = {};
  let inner = schema;
  let byDefault: unknown;
  for (;;) {
    if (inner instanceof z.ZodType) meta = { ...(inner.meta() as KeyMeta | undefined), ...meta };
    if (inner instanceof z.ZodDefault) byDefault ??= inner.def.defaultValue;
    if (inner instanceof z.ZodOptional || inner instanceof z.ZodDefault || inner instanceof z.ZodPrefault)
      inner = inner.unwrap();
    else return { schema: inner, meta, byDefault };
  }
}

/** `metadata-type`, `metadataType` and `metadata_type` are the same key; dots too, as in `force.tag`. */
export function fold(name: string): string {
  return name.replace(/[-_.]/g, "").toLowerCase();
}

/** How a key is written by preference: `metadata-type`. */
export function kebab(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}
