import { endpoint, NoProviderError, type Resolution } from "@dubbo-ts/core";
import { blend, chooseSource, type MigrationPlan } from "./migration-choice.js";

const plan = (changes: Partial<MigrationPlan>): MigrationPlan => ({
  step: "application-first",
  threshold: 0,
  proportion: 100,
  delayMs: 0,
  force: false,
  ...changes,
});

function some(count: number): Resolution {
  const endpoints = Array.from({ length: count }, (_, index) =>
    endpoint({ protocol: "dubbo", host: `10.0.0.${index}`, port: 20_880 }),
  );
  return { state: "resolved", endpoints, params: {}, stale: false };
}

const details = { service: "a.B", applications: [], nearMisses: [] };
const none: Resolution = { state: "absent", error: new NoProviderError("NO_PROVIDER", "nobody", details) };

describe("application-first", () => {
  test.each([
    ["nobody yet", 0, undefined, undefined, "application"],
    ["applications alone", 0, some(1), undefined, "application"],
    ["the interface alone", 0, none, some(3), "interface"],
    ["both, threshold 0", 0, some(1), some(3), "application"],
    ["a third of them, threshold 0.5", 0.5, some(1), some(3), "interface"],
    ["half of them, threshold 0.5", 0.5, some(2), some(4), "application"],
    ["all of them, threshold 1", 1, some(3), some(3), "application"],
    ["neither", 1, none, none, "application"],
  ] as const)("%s", (_what, threshold, application, byInterface, expected) => {
    expect(chooseSource(plan({ threshold }), { application, interface: byInterface }, undefined)).toBe(
      expected,
    );
  });
});

describe("a forced step", () => {
  test("goes to its side at once when nothing serves yet", () => {
    const known = { application: undefined, interface: undefined };
    expect(chooseSource(plan({ step: "force-interface" }), known, undefined)).toBe("interface");
    expect(chooseSource(plan({ step: "force-application" }), known, undefined)).toBe("application");
  });

  test("stays until the other side has enough, unless it is forced through", () => {
    const step = "force-application";
    const before = { application: none, interface: some(2) };
    expect(chooseSource(plan({ step }), before, "interface")).toBe("interface");
    expect(chooseSource(plan({ step, force: true }), before, "interface")).toBe("application");
    const few = { application: some(1), interface: some(2) };
    expect(chooseSource(plan({ step, threshold: 1 }), few, "interface")).toBe("interface");
    expect(chooseSource(plan({ step }), few, "interface")).toBe("application");
  });

  test("leaves a side that has nobody any more", () => {
    const known = { application: none, interface: none };
    expect(chooseSource(plan({ step: "force-application" }), known, "interface")).toBe("application");
  });
});

test("a proportion is shared by weights: each side has its part, an address in both has both parts", () => {
  const at = (port: number, weight: number) =>
    endpoint({ protocol: "dubbo", host: "10.0.0.1", port, weight });
  const weights = blend([at(1, 100), at(2, 300)], [at(2, 100), at(3, 100)], 60).map(({ port, weight }) => [
    port,
    weight,
  ]);
  expect(weights).toEqual([
    [1, 150_000],
    [2, 650_000],
    [3, 200_000],
  ]);
});
