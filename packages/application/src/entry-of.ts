/** What an entry of `provider.services` or `consumer.references` is found by. */
interface Entry {
  readonly interface: string;
  readonly version: string | undefined;
  readonly group: string | undefined;
}

/**
 * The entry of a configuration for this interface. One that names another version or group than the program does is
 * none; of several the one that agrees in more wins, then the first.
 */
export function entryOf<E extends Entry>(
  entries: Readonly<Record<string, E>>,
  serviceInterface: string,
  wanted: { readonly version?: string | undefined; readonly group?: string | undefined },
): E | undefined {
  let best: { readonly entry: E; readonly score: number } | undefined;
  for (const entry of Object.values(entries)) {
    if (entry.interface !== serviceInterface) continue;
    const score = agreement(entry.version, wanted.version) + agreement(entry.group, wanted.group);
    if (score >= 0 && score > (best?.score ?? -1)) best = { entry, score };
  }
  return best?.entry;
}

/** 1: the same; 0: one of the two says nothing; else they contradict each other. */
function agreement(said: string | undefined, wanted: string | undefined): number {
  if (said === undefined || wanted === undefined) return 0;
  return said === wanted ? 1 : Number.NEGATIVE_INFINITY;
}
