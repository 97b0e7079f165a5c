import { setTimeout as sleep } from "node:timers/promises";

/** Tries until it works; throws what it threw last when the time is over. */
export async function retry(attempt, withinMs) {
  const untilMs = performance.now() + withinMs;
  for (;;) {
    try {
      return await attempt();
    } catch (error) {
      if (performance.now() > untilMs) throw error;
    }
    await sleep(50);
  }
}
