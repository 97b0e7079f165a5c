import { RemoteException, RpcError, serviceKey } from "@dubbo-ts/core";
import { recordingLogger } from "@dubbo-ts/testkit";
import { accessLog } from "./access-log.js";
import type { Invocation } from "./invocation.js";

const invocation = {
  service: serviceKey("a.B", { version: "1" }),
  method: "get",
  args: ["secret"],
  attachments: new Map([["token", "secret"]]),
  peer: { address: "10.0.0.1:5", application: "web" },
  oneway: false,
} as unknown as Invocation;

function logged(outcomes: readonly (() => unknown)[], slowerThanMs?: number) {
  const log = recordingLogger();
  let nowMs = 0;
  const clock = {
    monotonicMs: () => (nowMs += 2.5),
    wallMs: () => 0,
    setTimeout: () => ({ cancel: () => {} }),
  };
  const filter = accessLog({ runtime: { clock, log }, ...(slowerThanMs !== undefined && { slowerThanMs }) });
  const calls = outcomes.map((outcome) =>
    filter({ invoke: async () => outcome() })
      .invoke(invocation)
      .catch((error: unknown) => error),
  );
  return Promise.all(calls).then((results) => ({ results, entries: log.entries }));
}

test("a call is a line with who, what, how long and how it ended, without what it carried", async () => {
  const lost = new RpcError("CONNECTION_LOST", "gone");
  const { results, entries } = await logged([
    () => "secret",
    () => {
      throw new RemoteException("a.Taken", "taken");
    },
    () => {
      throw lost;
    },
  ]);
  expect(results[2]).toBe(lost);
  const who = {
    service: "a.B:1",
    method: "get",
    peer: "10.0.0.1:5",
    application: "web",
    ms: expect.any(Number) as number,
  };
  expect(entries).toEqual([
    { level: "info", message: "call", fields: who },
    {
      level: "info",
      message: "call threw",
      fields: { ...who, code: "REMOTE_EXCEPTION", why: "taken", exception: "a.Taken" },
    },
    { level: "warn", message: "call failed", fields: { ...who, code: "CONNECTION_LOST", why: "gone" } },
  ]);
  expect(JSON.stringify(entries)).not.toContain("secret");
});

test("quick calls can be left out", async () => {
  expect((await logged([() => 1], 1_000)).entries).toEqual([]);
});
