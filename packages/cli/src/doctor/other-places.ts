import { parseRegistryAddress } from "@dubbo-ts/config";
import type { RegistryBackend } from "@dubbo-ts/application";
import type { StepContext } from "./step.js";

/** What divides a registry into places that do not see each other. */
const dividers = ["namespace", "group", "rootPath", "cluster"] as const;

/** The same server without path, namespace and group: where providers land that set none of these. */
export function otherPlaces(url: string): readonly string[] {
  const [base = "", query = ""] = url.split("?");
  const pairs = query.split("&").filter((pair) => pair !== "");
  const without = (...names: readonly string[]) =>
    pairs.filter((pair) => !names.includes(pair.split("=")[0] ?? ""));
  const rootless = base.replace(/^([^:/]+:\/\/[^/]*)\/.*$/, "$1");
  const join = (start: string, rest: readonly string[]) =>
    start + (rest.length > 0 ? `?${rest.join("&")}` : "");
  const places = [
    join(rootless, pairs),
    join(base, without(...dividers)),
    join(rootless, without(...dividers)),
    ...dividers.map((name) => join(base, without(name))),
  ];
  return [...new Set(places)].filter((place) => place !== join(base, pairs));
}

/**
 * Looks in the other places of the same server, and gives the first for which `look` finds something.
 * A place that cannot be asked has nothing.
 */
export async function lookElsewhere(
  context: StepContext,
  look: (backend: RegistryBackend, signal: AbortSignal) => Promise<readonly string[]>,
): Promise<{ readonly place: string; readonly found: readonly string[] } | undefined> {
  for (const url of otherPlaces(context.question.registry)) {
    try {
      await using backend = await context.tools.openRegistry(url);
      const found = await context.within((limit) => look(backend, limit));
      if (found.length > 0) return { place: safeUrl(url), found };
    } catch {
      context.signal.throwIfAborted();
    }
  }
  return undefined;
}

/** Without user and password, but with what divides the registry. */
export function safeUrl(url: string): string {
  const { safeText, params } = parseRegistryAddress(url);
  const shown = dividers.flatMap((name) => (params[name] ? [`${name}=${params[name]}`] : []));
  return safeText + (shown.length > 0 ? `?${shown.join("&")}` : "");
}
