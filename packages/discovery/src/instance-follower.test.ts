import { sampleInstance, testRuntime } from "@dubbo-ts/testkit";
import { InstanceFollower } from "./instance-follower.js";
import type { Registry } from "./registry.js";

/** How often a registry is read in ten minutes that watches `count` instances. */
async function readsInTenMinutes(count: number): Promise<number> {
  const instances = Array.from({ length: count }, (_, at) =>
    sampleInstance({ host: `10.0.${at >> 8}.${at & 255}` }),
  );
  const runtime = { ...testRuntime(), random: () => 0.5 };
  let reads = 0;
  const registry: Pick<Registry, "get" | "watch"> = {
    async get() {
      reads += 1;
      return instances;
    },
    async *watch(_, signal) {
      yield { instances, settled: true };
      await new Promise((resolve) => signal.addEventListener("abort", resolve, { once: true }));
    },
  };
  const options = { registry, application: "app", onChange() {}, runtime };
  await using follower = new InstanceFollower(options);
  await runtime.clock.advance(0);
  expect(follower.current?.instances).toHaveLength(count);
  await runtime.clock.advance(600_000);
  return reads;
}

test("what is watched is read beside that each minute, of many instances more rarely", async () => {
  expect(await readsInTenMinutes(1)).toBe(10);
  expect(await readsInTenMinutes(200)).toBe(10);
  expect(await readsInTenMinutes(1_000)).toBe(2);
  expect(await readsInTenMinutes(5_000)).toBe(1);
});
