import type { z } from "zod";
import { settingPath } from "./center/property-path.js";
import type { Environment } from "./interpolate.js";
import { type Leaf, treeOf } from "./leaves.js";
import type { LocatedMap } from "./located.js";
import { allowedKey } from "./read-yaml.js";
import { fold } from "./schema/key.js";

/** How messages call a variable, where a file would stand. */
const variableName = (name: string) => `environment variable ${name}`;

/** What may be set this way: settings that stand below these, so that no variable of another meaning is taken. */
const sections: ReadonlySet<string> = new Set([
  "application",
  "registries",
  "metadatareport",
  "configcenter",
  "protocols",
  "provider",
  "consumer",
  "logger",
  "shutdown",
  "cache",
]);

/**
 * What variables of the environment set, in Java's spelling: `DUBBO_CONSUMER_TIMEOUT=3s` is `consumer.timeout`,
 * `DUBBO_REGISTRIES_MAIN_ADDRESS` is `registries.main.address`. Other variables that start with `DUBBO_` are not for
 * us, and are passed over. An empty one says nothing.
 */
export function envLayer(env: Environment, schema: z.ZodObject): LocatedMap {
  const leaves: Leaf[] = [];
  for (const name of Object.keys(env).sort()) {
    const text = env[name] ?? "";
    if (text === "" || !/^DUBBO_[A-Z0-9_]{1,200}$/.test(name)) continue;
    const steps = name.slice("DUBBO_".length).toLowerCase().split("_");
    const path = sectioned(steps) ? settingPath(steps, schema, (parts) => parts.join("-")) : undefined;
    if (path === undefined || !path.every(allowedKey)) continue;
    const where = { file: variableName(name) };
    // What a variable holds is taken as it is: it is not the text of a file.
    leaves.push({ path, where, value: { kind: "text", text: text.replaceAll("${", "$${"), where } });
  }
  return treeOf(leaves, "environment");
}

function sectioned(steps: readonly string[]): boolean {
  return [1, 2].some((count) => steps.length > count && sections.has(fold(steps.slice(0, count).join("."))));
}
