import { type Located, locate } from "./located.js";
import { type ConfigNotice, whereText } from "./notices.js";
import { someOf } from "./problems.js";
import type { ParsedConfig } from "./schema/config-schema.js";

/** Settings that have an effect in some places or with some values only, where they stand in others. */
export function unusedNotices(
  { provider, consumer, registries }: ParsedConfig,
  root: Located,
): readonly ConfigNotice[] {
  const notices: ConfigNotice[] = [];
  const all = Object.keys(registries);
  const add = (path: readonly string[], message: string) => {
    const { where, path: key } = locate(root, path);
    notices.push({ where: whereText(where), key, message });
  };
  const some = (path: readonly string[], ids: readonly string[] | undefined, what: string) => {
    if (ids === undefined || all.every((id) => ids.includes(id))) return;
    add([...path, "registries"], `accepted, not used yet: ${what} all registries that are configured`);
  };
  const free = (path: readonly string[], params: Readonly<Record<string, string>>) => {
    const unused = Object.keys(params).filter((name) => !migrationParams.has(name));
    if (unused.length === 0) return;
    const message = `accepted, without effect: ${someOf(unused)}; of a reference only parameters of its migration are used`;
    add([...path, "params"], message);
  };
  some(["provider"], provider.registries, "services are registered in");
  for (const [key, one] of Object.entries(provider.services))
    some(["provider", "services", key], one.registries, "services are registered in");
  some(["consumer"], consumer.registries, "providers are looked up in");
  free(["consumer"], consumer.params);
  for (const [key, one] of Object.entries(consumer.references)) {
    const path = ["consumer", "references", key];
    some(path, one.registries, "providers are looked up in");
    free(path, one.params);
  }
  return notices;
}

/** What an application reads of them (`MigrationRule` of apache/dubbo). */
const migrationParams: ReadonlySet<string> = new Set([
  "migration.step",
  "migration.threshold",
  "migration.promotion",
  "migration.delay",
  "migration.force",
]);
