import type { ConfigRecord } from "./config-center.js";

/** What `record` makes of each of `states`, without those that say what the one before said: a resync is no change. */
export async function* changedRecords<State>(
  states: AsyncIterable<State>,
  record: (state: State) => ConfigRecord | undefined,
): AsyncGenerator<ConfigRecord | undefined, void, undefined> {
  let last: ConfigRecord | undefined;
  let begun = false;
  for await (const state of states) {
    const next = record(state);
    if (!begun || next?.version !== last?.version) yield next;
    [begun, last] = [true, next];
  }
}
