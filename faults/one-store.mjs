// All scenarios on one registry, one after another.
import { scenarios } from "./scenarios.mjs";
import { stores } from "./stores.mjs";

/** @param told each result as soon as it is there. */
export async function runStore(name, only, length, told) {
  const store = { name, ...stores[name] };
  const chosen = Object.entries(scenarios).filter(
    ([id]) => !only.some((one) => one in scenarios) || only.includes(id),
  );
  if (!store.isThere()) {
    told({ store: name, fault: "all", ok: false, error: "the server is not installed" });
    return;
  }
  let server;
  for (const [id, scenario] of chosen) {
    const { times, own = false } = scenario;
    const startMs = performance.now();
    try {
      if (!own) server ??= await store.start();
      const result = await scenario.run({ store, server, durationMs: times[length] });
      const seconds = Math.round((performance.now() - startMs) / 1_000);
      if (result === undefined) told({ store: name, fault: id });
      else {
        const bars = result.bars ?? result;
        told({
          store: name,
          fault: id,
          seconds,
          calls: result.calls,
          failure: result.failure,
          bars,
          ok: bars.every(({ ok }) => ok),
        });
      }
    } catch (error) {
      told({
        store: name,
        fault: id,
        ok: false,
        error: `${error.message}${error.cause ? ` (${error.cause.message})` : ""}`,
      });
    }
    // What a fault leaves in the server is not for the next one.
    await server?.[Symbol.asyncDispose]();
    server = undefined;
  }
}
