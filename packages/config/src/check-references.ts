import { type Located, locate, type Problem } from "./located.js";
import { didYouMean } from "./nearest.js";
import { quoted, someOf } from "./problems.js";
import type { ParsedConfig } from "./schema/config-schema.js";

/** So much time is spent on guessing which id was meant. */
const maxGuesses = 50;

/** Ids that services and references name, but the file does not have. Unchecked where the program itself brings them. */
export function checkReferences(parsed: ParsedConfig, root: Located): readonly Problem[] {
  const problems: Problem[] = [];
  const { provider, consumer } = parsed;
  const names = { protocols: Object.keys(parsed.protocols), registries: Object.keys(parsed.registries) };
  const check = (
    path: readonly string[],
    ids: readonly string[] | undefined,
    kind: "protocols" | "registries",
  ) => {
    const known = names[kind];
    if (known.length === 0) return;
    for (const id of ids ?? []) {
      if (Object.hasOwn(parsed[kind], id)) continue;
      const near = problems.length < maxGuesses ? didYouMean(id, known) : "";
      const message = `${quoted(id)} is none of the ${kind}: ${someOf(known)}${near}`;
      problems.push({ ...locate(root, [...path, kind]), message });
    }
  };
  const offers = (
    path: readonly string[],
    offer: Pick<ParsedConfig["provider"], "protocols" | "registries">,
  ) => {
    check(path, offer.protocols, "protocols");
    check(path, offer.registries, "registries");
  };

  offers(["provider"], provider);
  for (const [key, service] of Object.entries(provider.services))
    offers(["provider", "services", key], service);
  check(["consumer"], consumer.registries, "registries");
  for (const [key, reference] of Object.entries(consumer.references))
    check(["consumer", "references", key], reference.registries, "registries");
  return problems;
}
