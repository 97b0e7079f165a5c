import type { z } from "zod";
import { checkReferences } from "./check-references.js";
import type { Layer } from "./explain.js";
import { type Environment, interpolate } from "./interpolate.js";
import { problemsOf, toPlain } from "./key-names.js";
import { type Leaf, treeOf } from "./leaves.js";
import { layOver, type Located, type Problem } from "./located.js";
import type { ConfigNotice } from "./notices.js";
import { resolveRemotes } from "./remotes.js";
import type { ParsedConfig } from "./schema/config-schema.js";
import { unusedNotices } from "./unused-notices.js";
import { warmupNotices } from "./warmup-notices.js";

/** What a configuration is made of. */
export interface LayerSources {
  /** Under what a config center says. */
  readonly below: readonly Layer[];
  /** Over it: what the program says. */
  readonly above: readonly Layer[];
  readonly files: readonly string[];
  readonly env: Environment;
  readonly schema: z.ZodObject;
  readonly notices: readonly ConfigNotice[];
}

/** A configuration as the schema has read it. */
export interface Made {
  readonly parsed: ParsedConfig;
  /** As it was written. */
  readonly raw: Located;
  /** With variables replaced. */
  readonly filled: Located;
  readonly notices: readonly ConfigNotice[];
}

/** Why there is none. */
export interface NotMade {
  readonly problems: readonly Problem[];
  readonly error?: unknown;
}

/** All layers over each other, with what the config centers say among them, checked. */
export function makeConfig(
  { below, above, env, schema, files }: LayerSources,
  center: readonly Leaf[],
): Made | NotMade {
  const nothing: Located = { kind: "map", entries: new Map(), where: { file: files[0] ?? "config" } };
  const roots = [
    ...below.map(({ root }) => root),
    treeOf(center, centerName),
    ...above.map(({ root }) => root),
  ];
  const raw = roots.reduce(layOver, nothing);
  const filled = interpolate(raw, env);
  if (filled.problems.length > 0) return { problems: filled.problems };
  const { root, problems, notices } = resolveRemotes(filled.root);
  if (problems.length > 0) return { problems };
  const parsed = schema.safeParse(toPlain(root, schema));
  if (!parsed.success) return { problems: problemsOf(parsed.error, root), error: parsed.error };
  const config = parsed.data as ParsedConfig;
  const unknown = checkReferences(config, root);
  if (unknown.length > 0) return { problems: unknown };
  return {
    parsed: config,
    raw,
    filled: root,
    notices: [...notices, ...warmupNotices(root), ...unusedNotices(config, root)],
  };
}

/** Where a text of a config center would have the name of a file. */
export const centerName = "config center";
