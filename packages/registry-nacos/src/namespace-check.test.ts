import { systemRuntime } from "@dubbo-ts/core";
import type { NacosNaming } from "@dubbo-ts/nacos-client";
import { fakeClock } from "@dubbo-ts/testkit";
import { NamespaceCheck } from "./namespace-check.js";

test("a server that does not list its namespaces is waited for by the Runtime's clock", async () => {
  const clock = fakeClock();
  const network = {
    http: (_: unknown, signal: AbortSignal) =>
      new Promise<never>((_resolve, reject) =>
        signal.addEventListener("abort", () => reject(new Error("aborted"))),
      ),
    udp: () => Promise.reject(new Error("no UDP")),
  };
  const settings = { servers: ["127.0.0.1:1"], network };
  const naming = {} as NacosNaming; // not asked for `public`
  const runtime = { ...systemRuntime, clock };
  await using check = new NamespaceCheck({ name: "n", namespace: "public", naming, settings, runtime });
  const startMs = performance.now();
  const hint = check.hint();
  await clock.advance(5_000);
  expect(await hint).toBe("");
  expect(performance.now() - startMs).toBeLessThan(2_500);
});
