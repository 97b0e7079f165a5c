import { type Located, type LocatedEntry, textOf } from "./located.js";
import { type ConfigNotice, whereText } from "./notices.js";

/** Nobody warms up for less than ten seconds: such a bare number was meant as seconds. */
const leastMs = 10_000;

/** dubbo-go counts `warmup` in seconds where Dubbo for Java and this framework count a bare number in ms. */
export function warmupNotices(root: Located): readonly ConfigNotice[] {
  const provider = entry(root, "provider");
  const services = entry(provider?.value, "services")?.value;
  const owners: readonly (readonly [string, Located | undefined])[] = [
    ["provider", provider?.value],
    ...(services?.kind === "map"
      ? [...services.entries].map(([key, { value }]) => [`provider.services.${key}`, value] as const)
      : []),
  ];
  return owners.flatMap(([path, owner]) => {
    const text = textOf(owner, "warmup");
    const found = entry(owner, "warmup");
    if (text === undefined || found === undefined || !/^\d+$/.test(text)) return [];
    if (Number(text) === 0 || Number(text) >= leastMs) return [];
    const message = `is read as ${text} ms; dubbo-go counts seconds: write ${text}s if they are meant`;
    return [{ where: whereText(found.where), key: `${path}.warmup`, message }];
  });
}

function entry(node: Located | undefined, key: string): LocatedEntry | undefined {
  return node?.kind === "map" ? node.entries.get(key) : undefined;
}
