import {
  endpoint,
  type Endpoint,
  type ErrorCode,
  InvalidValueError,
  NoProviderError,
  RemoteException,
  type Resolution,
  RpcError,
  type RpcErrorCode,
  serviceKey,
} from "@dubbo-ts/core";
import type { Invocation, ProtocolInvoker } from "@dubbo-ts/rpc";
import { seededRandom, testRuntime, type TestRuntime } from "@dubbo-ts/testkit";
import fc from "fast-check";
import type { Candidate } from "./candidate.js";
import type { ClusterOptions } from "./cluster.js";
import { createDirectory, type Directory } from "./directory.js";
import { createInvokerPool, type InvokerPool } from "./invoker-pool.js";
import { random } from "./load-balancer/random.js";
import { roundRobin } from "./load-balancer/round-robin.js";
import { usable } from "./pick.js";
import { clusters } from "./policy/clusters.js";
import { failover } from "./policy/failover.js";

const service = serviceKey("org.example.UserProvider", { version: "1.0" });
const details = { service: service.text, applications: ["shop"], nearMisses: [] };
const pendingError = new NoProviderError("PROVIDERS_PENDING", "nothing was heard yet", details);
const absent: Resolution = { state: "absent", error: new NoProviderError("NO_PROVIDER", "none", details) };
const failed: Resolution = {
  state: "failed",
  error: new NoProviderError("DISCOVERY_FAILED", "no metadata", details),
};
const pending: Resolution = { state: "pending", error: pendingError };

const at = (host: string, fields: Partial<Endpoint> = {}) =>
  endpoint({ protocol: "dubbo", host, port: 20_880, ...fields });

const resolved = (...endpoints: readonly Endpoint[]): Resolution => ({
  state: "resolved",
  endpoints,
  params: {},
  stale: false,
});

type Answer = (invocation: Invocation) => Promise<unknown>;

/** Providers that a test makes answer, and what was opened and closed. */
class Network {
  readonly answers = new Map<string, Answer>();
  readonly unavailable = new Set<string>();
  readonly calls: string[] = [];
  readonly open = new Map<string, number>();
  opened = 0;

  refer = ({ host }: Endpoint): ProtocolInvoker => {
    const { answers, calls, open, unavailable } = this;
    let inFlight = 0;
    let drained = () => {};
    this.opened += 1;
    open.set(host, (open.get(host) ?? 0) + 1);
    return {
      get available() {
        return !unavailable.has(host);
      },
      async invoke(invocation) {
        calls.push(host);
        inFlight += 1;
        try {
          return await (answers.get(host) ?? (() => Promise.resolve(host)))(invocation);
        } finally {
          inFlight -= 1;
          if (inFlight === 0) drained();
        }
      },
      async [Symbol.asyncDispose]() {
        if (inFlight > 0) await new Promise<void>((resolve) => (drained = resolve));
        open.set(host, (open.get(host) ?? 0) - 1);
      },
    };
  };
}

interface World {
  readonly runtime: TestRuntime;
  readonly network: Network;
  readonly pool: InvokerPool;
  readonly directory: Directory;
  readonly options: ClusterOptions;
}

function world(...hosts: readonly string[]): World {
  const runtime = testRuntime();
  const network = new Network();
  const pool = createInvokerPool({ refer: network.refer, runtime });
  const directory = createDirectory({ pool, service, runtime });
  if (hosts.length > 0) directory.apply(resolved(...hosts.map((host) => at(host))));
  return { runtime, network, pool, directory, options: { runtime, loadBalancer: roundRobin(runtime) } };
}

function invocation(fields: Partial<Invocation> = {}): Invocation {
  return {
    service,
    method: "getUser",
    methodDefinition: { kind: "unary" },
    args: [],
    attachments: new Map(),
    responseAttachments: new Map(),
    deadlineMs: 3_000,
    signal: undefined,
    oneway: false,
    peer: undefined,
    ...fields,
  } as Invocation;
}

const rejectsWith = (error: unknown) => () => Promise.reject(error);
const rpcError = (code: RpcErrorCode, mayHaveRun = true) => new RpcError(code, "it failed", { mayHaveRun });

const outcome = (call: Promise<unknown>): Promise<unknown> =>
  call.then(
    (value) => value,
    (error: unknown) => (error as { code?: ErrorCode }).code ?? error,
  );

describe("the directory", () => {
  const hosts = ({ invokers }: Directory) => invokers.map(({ endpoint: { host } }) => host);

  test("keeps what it knows while the registry is away or metadata fails, and empties when nobody is left", () => {
    const { directory } = world("a", "b");
    const before = directory.invokers;
    directory.apply(pending);
    directory.apply(failed);
    expect(directory.invokers).toBe(before);
    expect(directory.resolution).toBe(failed);
    directory.apply(absent);
    expect(directory.invokers).toEqual([]);
    expect(hosts(directory)).toEqual([]);
    expect(before).toHaveLength(2);
  });

  test("opens nothing before the first call, and one connection for all services of an endpoint", async () => {
    const { runtime, network, pool, directory, options } = world("a");
    const other = createDirectory({ pool, service: serviceKey("Other"), runtime });
    other.apply(resolved(at("a", { weight: 1 })));
    expect(network.opened).toBe(0);
    await failover(directory, options).invoke(invocation());
    await failover(other, options).invoke(invocation());
    expect(network.opened).toBe(1);
    expect(pool.size).toEqual({ endpoints: 1, opened: 1 });
  });

  test("tells whether an address is connected", async () => {
    const { network, pool, directory, options } = world("a", "b");
    const { key } = at("a");
    expect(pool.isConnected(key)).toBe(false);
    await failover(directory, options).invoke(invocation());
    expect(pool.isConnected(key)).toBe(true);
    network.unavailable.add("a");
    expect(pool.isConnected(key)).toBe(false);
    network.unavailable.delete("a");
    network.answers.set("a", rejectsWith(rpcError("CONNECTION_LOST")));
    await outcome((directory.invokers[0] as Candidate).invoke(invocation()));
    expect(pool.isConnected(key)).toBe(false);
    expect(pool.isConnected("dubbo://z:1")).toBe(false);
  });

  test("gives the same candidate to all directories, so that a pair costs a pointer", () => {
    const { runtime, pool } = world();
    const shared = at("a");
    const [one, two] = [1, 2].map(() => createDirectory({ pool, service, runtime })) as [
      Directory,
      Directory,
    ];
    one.apply(resolved(shared));
    two.apply(resolved(shared));
    expect(one.invokers[0]).toBe(two.invokers[0]);
    one.apply(resolved(shared, at("b")));
    expect(one.invokers[0]).toBe(two.invokers[0]);
  });

  test("services with one list of endpoints share the candidates' array, which stays until the last lets go", async () => {
    const { pool, runtime, directory: one } = world();
    const two = createDirectory({ pool, service: serviceKey("org.example.Other"), runtime });
    const list = resolved(at("a"), at("b"));
    for (const directory of [one, two]) directory.apply(list);
    expect(two.invokers).toBe(one.invokers);
    one.apply(absent);
    expect(pool.size.endpoints).toBe(2);
    two.apply(resolved(at("b")));
    await two[Symbol.asyncDispose]();
    expect(pool.size.endpoints).toBe(0);
  });

  test("keeps the connection of a provider whose weight changes", async () => {
    const { network, directory, options } = world("a");
    await failover(directory, options).invoke(invocation());
    directory.apply(resolved(at("a", { weight: 7 })));
    await failover(directory, options).invoke(invocation());
    expect(directory.invokers[0]?.endpoint.weight).toBe(7);
    expect(network.opened).toBe(1);
    expect(network.open.get("a")).toBe(1);
  });

  test("drains a provider that is gone: the call in flight finishes, then the connection closes", async () => {
    const { network, pool, directory, options } = world("a", "b");
    let answer: (value: string) => void = () => {};
    network.answers.set("a", () => new Promise((resolve) => (answer = resolve)));
    const call = failover(directory, options).invoke(invocation());
    expect(directory.invokers[0]?.active).toBe(1);
    const [gone] = directory.invokers as [Candidate];
    directory.apply(resolved(at("b")));
    expect(pool.size.endpoints).toBe(1);
    expect(network.open.get("a")).toBe(1);
    expect(await outcome(gone.invoke(invocation()))).toBe("PROVIDER_CLOSING");
    answer("late but whole");
    expect(await call).toBe("late but whole");
    await pool[Symbol.asyncDispose]();
    expect(network.open.get("a")).toBe(0);
  });

  test("a provider that two registries list is one candidate", () => {
    const { directory } = world();
    directory.apply(resolved(at("a"), at("b"), at("a", { weight: 1 })));
    expect(hosts(directory)).toEqual(["a", "b"]);
  });

  test("gives everything back when it is closed, twice is harmless", async () => {
    const { network, pool, directory, options } = world("a");
    const invoker = failover(directory, options);
    await invoker.invoke(invocation());
    await directory[Symbol.asyncDispose]();
    await directory[Symbol.asyncDispose]();
    directory.apply(resolved(at("z")));
    expect(pool.size).toEqual({ endpoints: 0, opened: 0 });
    expect(network.open.get("a")).toBe(0);
    expect(await outcome(invoker.invoke(invocation()))).toBe("NO_PROVIDER");
  });

  test("says in the log when a connection could not be closed", async () => {
    const { runtime, directory, pool, options } = world();
    const broken = createInvokerPool({
      runtime,
      refer: () => ({
        available: true,
        invoke: () => Promise.resolve(1),
        [Symbol.asyncDispose]: () => Promise.reject(new Error("stuck")),
      }),
    });
    const other = createDirectory({ pool: broken, service, runtime });
    other.apply(resolved(at("a")));
    await failover(other, options).invoke(invocation());
    await other[Symbol.asyncDispose]();
    expect(runtime.log.entries.at(-1)?.message).toBe("a connection could not be closed");
    await pool[Symbol.asyncDispose]();
    await directory[Symbol.asyncDispose]();
  });

  test("whatever is applied, it shows the last list that counts, and nothing stays open in the end", async () => {
    const host = fc.constantFrom("a", "b", "c", "d");
    const step = fc.oneof(
      fc.record({ who: fc.nat(1), hosts: fc.array(host, { maxLength: 6 }) }),
      fc.record({ who: fc.nat(1), state: fc.constantFrom(pending, failed, absent) }),
      fc.record({ who: fc.nat(1), call: fc.constant(true) }),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 30 }), async (steps) => {
        const { runtime, network, pool, options } = world();
        const both = [0, 1].map(() => createDirectory({ pool, service, runtime }));
        const expected: string[][] = [[], []];
        for (const one of steps) {
          const directory = both[one.who] as Directory;
          if ("call" in one)
            await outcome(failover(directory, options).invoke(invocation({ deadlineMs: 0 })));
          else if ("state" in one) {
            directory.apply(one.state);
            if (one.state === absent) expected[one.who] = [];
          } else {
            directory.apply(resolved(...one.hosts.map((name) => at(name))));
            expected[one.who] = [...new Set(one.hosts)];
          }
          expect(both.map(hosts)).toEqual(expected);
          expect(pool.size.endpoints).toBe(new Set(expected.flat()).size);
        }
        await Promise.all(both.map((directory) => directory[Symbol.asyncDispose]()));
        expect([...network.open.values()].every((open) => open === 0)).toBe(true);
        expect(runtime.clock.pendingTimers).toBe(0);
      }),
      { seed: 11, numRuns: 200 },
    );
  });
});

describe("a call that finds nobody", () => {
  test("waits for the first providers, and is told at its deadline that none came", async () => {
    const { runtime, directory, options } = world();
    const invoker = failover(directory, options);
    directory.apply(pending);
    const early = outcome(invoker.invoke(invocation({ deadlineMs: 1_000 })));
    const late = invoker.invoke(invocation({ deadlineMs: 3_000 }));
    await runtime.clock.advance(1_500);
    expect(await early).toBe("PROVIDERS_PENDING");
    directory.apply(resolved(at("a")));
    expect(await late).toBe("a");
    expect(runtime.clock.pendingTimers).toBe(0);
  });

  test("does not wait when its time is over, and waits without a timer's overflow when it has no end", async () => {
    const { runtime, directory, options } = world();
    const invoker = failover(directory, options);
    expect(await outcome(invoker.invoke(invocation({ deadlineMs: 0 })))).toBe("PROVIDERS_PENDING");
    const endless = invoker.invoke(invocation({ deadlineMs: Infinity }));
    await runtime.clock.advance(1_000_000);
    directory.apply(resolved(at("a")));
    expect(await endless).toBe("a");
  });

  test("rejects with the caller's reason when it is cancelled meanwhile", async () => {
    const { runtime, directory, options } = world();
    const controller = new AbortController();
    const call = outcome(failover(directory, options).invoke(invocation({ signal: controller.signal })));
    controller.abort("enough");
    expect(await call).toBe("enough");
    expect(runtime.clock.pendingTimers).toBe(0);
  });

  test.each([
    ["absent", absent, "NO_PROVIDER"],
    ["failed", failed, "DISCOVERY_FAILED"],
    ["resolved to nothing", resolved(), "NO_PROVIDER"],
  ])("fails at once when the service is %s", async (_, resolution, code) => {
    const { directory, options } = world();
    directory.apply(resolution);
    for (const cluster of Object.values(clusters)) {
      if (cluster === clusters["failsafe"]) continue;
      expect(await outcome(cluster(directory, options).invoke(invocation()))).toBe(code);
    }
  });

  test("is told when the routers left nobody, and obeys them otherwise", async () => {
    const { directory, options } = world("a", "b");
    const none = failover(directory, { ...options, routers: [() => []] });
    expect(await outcome(none.invoke(invocation()))).toBe("NO_PROVIDER");
    const onlyB = failover(directory, {
      ...options,
      routers: [(candidates) => candidates.filter(({ endpoint: { host } }) => host === "b")],
    });
    for (let i = 0; i < 4; i++) expect(await onlyB.invoke(invocation())).toBe("b");
  });
});

describe("failover", () => {
  const remote = new RemoteException("org.example.NotEnoughStock", "2 left");

  test.each<[string, unknown, boolean]>([
    ["CONNECT_FAILED", rpcError("CONNECT_FAILED", false), true],
    ["CONNECTION_LOST", rpcError("CONNECTION_LOST"), true],
    ["CALL_TIMEOUT", rpcError("CALL_TIMEOUT"), true],
    ["PROVIDER_CLOSING", rpcError("PROVIDER_CLOSING", false), true],
    ["PROVIDER_ERROR, not run", rpcError("PROVIDER_ERROR", false), true],
    ["SERVICE_NOT_FOUND, not run", rpcError("SERVICE_NOT_FOUND", false), true],
    ["PROVIDER_ERROR", rpcError("PROVIDER_ERROR"), false],
    ["METHOD_NOT_FOUND", rpcError("METHOD_NOT_FOUND", false), false],
    ["FRAME_INVALID", rpcError("FRAME_INVALID"), false],
    ["PAYLOAD_TOO_LARGE", rpcError("PAYLOAD_TOO_LARGE", false), false],
    ["SERIALIZATION_UNKNOWN", rpcError("SERIALIZATION_UNKNOWN"), false],
    ["ENCODE_FAILED", rpcError("ENCODE_FAILED", false), false],
    ["DECODE_FAILED", rpcError("DECODE_FAILED"), false],
    ["INVALID_ARGUMENT", new InvalidValueError("INVALID_ARGUMENT", "m.args[0]", "is no text"), false],
    ["an exception of the method", remote, false],
    ["an unknown error", new TypeError("bug"), false],
  ])("%s: repeated on another provider? %#", async (_, error, repeated) => {
    const { network, directory, options } = world("a", "b");
    network.answers.set("a", rejectsWith(error));
    const call = failover(directory, options).invoke(invocation());
    if (repeated) expect(await call).toBe("b");
    else await expect(call).rejects.toBe(error);
    expect(network.calls).toEqual(repeated ? ["a", "b"] : ["a"]);
  });

  test("tries three in all, each once, and says so", async () => {
    const { network, directory, options } = world("a", "b", "c", "d");
    for (const host of ["a", "b", "c", "d"])
      network.answers.set(host, rejectsWith(rpcError("CONNECT_FAILED", false)));
    const error: unknown = await failover(directory, options)
      .invoke(invocation())
      .catch((reason: unknown) => reason);
    expect(new Set(network.calls).size).toBe(3);
    expect(error).toMatchObject({
      code: "CONNECT_FAILED",
      mayHaveRun: false,
      message:
        "org.example.UserProvider:1.0 getUser: tried 3 times (dubbo://a:20880, dubbo://b:20880, dubbo://c:20880), last: it failed",
    });
  });

  test("goes to another provider even if the load balancer would pick the same again", async () => {
    const { network, directory, options } = world("a", "b", "c");
    for (const host of ["a", "b"]) network.answers.set(host, rejectsWith(rpcError("CALL_TIMEOUT")));
    const first = (candidates: readonly Candidate[]) => candidates[0] as Candidate;
    expect(await failover(directory, { ...options, loadBalancer: first }).invoke(invocation())).toBe("c");
    expect(network.calls).toEqual(["a", "b", "c"]);
  });

  test("owns up that the method may have run when any attempt may have run it", async () => {
    const { network, directory, options } = world("a", "b");
    network.answers.set("a", rejectsWith(rpcError("CONNECTION_LOST")));
    network.answers.set("b", rejectsWith(rpcError("CONNECT_FAILED", false)));
    const call = failover(directory, { ...options, retries: 1 }).invoke(invocation());
    await expect(call).rejects.toMatchObject({ code: "CONNECT_FAILED", mayHaveRun: true });
  });

  test("tries the only provider again when there is no other", async () => {
    const { network, directory, options } = world("a");
    let calls = 0;
    network.answers.set("a", () =>
      ++calls < 3 ? Promise.reject(rpcError("CONNECTION_LOST")) : Promise.resolve("ok"),
    );
    expect(await failover(directory, options).invoke(invocation())).toBe("ok");
  });

  test("goes to one that seems not well rather than a third time to a provider that is leaving silently", async () => {
    const { network, directory, options } = world("leaving", "new");
    await failover(directory, options).invoke(invocation());
    await failover(directory, options).invoke(invocation());
    network.unavailable.add("new");
    network.calls.length = 0;
    network.answers.set("leaving", rejectsWith(rpcError("CALL_TIMEOUT")));
    expect(await failover(directory, options).invoke(invocation())).toBe("new");
    expect(network.calls).toEqual(["leaving", "leaving", "new"]);
  });

  test("does not take one that shall have no traffic for another one", async () => {
    const { network, directory, options } = world();
    directory.apply(resolved(at("a"), at("drained", { weight: 0 })));
    network.answers.set("a", rejectsWith(rpcError("CALL_TIMEOUT")));
    await outcome(failover(directory, options).invoke(invocation()));
    expect(network.calls).toEqual(["a", "a", "a"]);
  });

  test("takes retries from the call: none means one attempt", async () => {
    const { network, directory, options } = world("a", "b");
    network.answers.set("a", rejectsWith(rpcError("CONNECTION_LOST")));
    const retries = ({ method }: Invocation) => (method === "create" ? 0 : 1);
    const invoker = failover(directory, { ...options, retries });
    expect(await outcome(invoker.invoke(invocation({ method: "create" })))).toBe("CONNECTION_LOST");
    expect(network.calls).toEqual(["a"]);
  });

  /** A provider that never answers: the protocol ends the call at its deadline. */
  function silent({ clock }: TestRuntime): Answer {
    return ({ deadlineMs }) =>
      new Promise((_, reject) => {
        clock.setTimeout(() => reject(rpcError("CALL_TIMEOUT")), deadlineMs - clock.monotonicMs());
      });
  }

  test("bounds each attempt, and all of them by the call's deadline", async () => {
    const { runtime, network, directory, options } = world("a", "b", "c");
    for (const host of ["a", "b", "c"]) network.answers.set(host, silent(runtime));
    const deadlines: number[] = [];
    for (const [host, answer] of network.answers)
      network.answers.set(host, (call) => {
        deadlines.push(call.deadlineMs);
        return answer(call);
      });
    const invoker = failover(directory, { ...options, attemptTimeoutMs: () => 1_000 });
    const call = outcome(invoker.invoke(invocation({ deadlineMs: 1_500 })));
    await runtime.clock.advance(1_500);
    expect(await call).toBe("CALL_TIMEOUT");
    expect(deadlines).toEqual([1_000, 1_500]);
  });

  test("a call survives a silent provider when it has the time of a second attempt", async () => {
    const { runtime, network, directory, options } = world("a", "b");
    network.answers.set("a", silent(runtime));
    const invoker = failover(directory, { ...options, attemptTimeoutMs: () => 1_000 });
    const call = invoker.invoke(invocation({ deadlineMs: 3_000 }));
    await runtime.clock.advance(1_000);
    expect(await call).toBe("b");
    expect(runtime.clock.monotonicMs()).toBe(1_000);
  });

  test("a cancelled call is not repeated", async () => {
    const { network, directory, options } = world("a", "b");
    const controller = new AbortController();
    network.answers.set("a", () => {
      controller.abort("enough");
      return Promise.reject(rpcError("CONNECTION_LOST"));
    });
    await outcome(failover(directory, options).invoke(invocation({ signal: controller.signal })));
    expect(network.calls).toEqual(["a"]);
  });

  test("a list that is replaced between two attempts is used for the second", async () => {
    const { network, directory, options } = world("a", "b");
    network.answers.set("a", () => {
      directory.apply(resolved(at("c")));
      return Promise.reject(rpcError("PROVIDER_CLOSING", false));
    });
    expect(await failover(directory, options).invoke(invocation())).toBe("c");
  });

  test("the failure of the attempt is told when all providers went away meanwhile", async () => {
    const { network, directory, options } = world("a");
    network.answers.set("a", () => {
      directory.apply(absent);
      return Promise.reject(rpcError("CONNECTION_LOST"));
    });
    expect(await outcome(failover(directory, options).invoke(invocation()))).toBe("CONNECTION_LOST");
  });

  test("attachments of an attempt that failed are not those of the answer", async () => {
    const { network, directory, options } = world("a", "b");
    network.answers.set("a", ({ responseAttachments }) => {
      responseAttachments.set("from", "a");
      return Promise.reject(rpcError("PROVIDER_CLOSING", false));
    });
    const call = invocation();
    await failover(directory, options).invoke(call);
    expect(call.responseAttachments.size).toBe(0);
  });

  test("repeats at most a fifth of the calls when everything times out for long", async () => {
    const { runtime, network, directory, options } = world("a", "b");
    for (const host of ["a", "b"]) network.answers.set(host, rejectsWith(rpcError("CALL_TIMEOUT")));
    const invoker = failover(directory, options);
    for (let i = 0; i < 5_000; i++) await outcome(invoker.invoke(invocation()));
    expect(network.calls.length).toBeLessThanOrEqual(5_000 + 1_000 + 100);
    const before = network.calls.length;
    await runtime.clock.advance(1_000);
    for (let i = 0; i < 100; i++) await outcome(invoker.invoke(invocation({ deadlineMs: 9_000 })));
    expect(network.calls.length - before).toBeLessThanOrEqual(100 + 20 + 10 + 1);
  });

  test("repeats as often as it must what never ran", async () => {
    const { network, directory, options } = world("a", "b");
    network.answers.set("a", rejectsWith(rpcError("PROVIDER_CLOSING", false)));
    const invoker = failover(directory, options);
    for (let i = 0; i < 1_000; i++) expect(await invoker.invoke(invocation())).toBe("b");
  });

  test("repeats a call whose arguments are a stream only when none of it was read", async () => {
    const { network, directory, options } = world("a", "b");
    const invoker = failover(directory, options);
    const streaming = invocation({
      methodDefinition: { kind: "clientStream" } as Invocation["methodDefinition"],
    });
    network.answers.set("a", rejectsWith(rpcError("CONNECT_FAILED", false)));
    for (let i = 0; i < 10; i++) expect(await invoker.invoke(streaming)).toBe("b");
    network.answers.set("b", rejectsWith(rpcError("CONNECTION_LOST")));
    network.answers.set("a", rejectsWith(rpcError("CONNECTION_LOST")));
    const before = network.calls.length;
    await expect(invoker.invoke(streaming)).rejects.toMatchObject({ code: "CONNECTION_LOST" });
    expect(network.calls.length).toBe(before + 1);
  });
});

describe("the other policies", () => {
  test("failfast does not repeat", async () => {
    const { network, directory, options } = world("a", "b");
    const error = rpcError("CONNECT_FAILED", false);
    network.answers.set("a", rejectsWith(error));
    await expect(clusters["failfast"]?.(directory, options).invoke(invocation())).rejects.toBe(error);
    expect(network.calls).toEqual(["a"]);
  });

  test("failsafe logs what failed on the way and has no result, but passes on what the method threw", async () => {
    const { runtime, network, directory, options } = world("a");
    const invoker = clusters["failsafe"]?.(directory, options);
    expect(await invoker?.invoke(invocation())).toBe("a");
    network.answers.set("a", rejectsWith(rpcError("CALL_TIMEOUT")));
    expect(await invoker?.invoke(invocation())).toBeUndefined();
    expect(runtime.log.entries.at(-1)).toMatchObject({ level: "warn", fields: { method: "getUser" } });
    const thrown = new RemoteException("org.example.Boom", null);
    network.answers.set("a", rejectsWith(thrown));
    await expect(invoker?.invoke(invocation())).rejects.toBe(thrown);
    const signal = AbortSignal.abort("enough");
    network.answers.set("a", rejectsWith("enough"));
    await expect(invoker?.invoke(invocation({ signal }))).rejects.toBe("enough");
    directory.apply(absent);
    expect(await invoker?.invoke(invocation())).toBeUndefined();
  });

  test("broadcast calls everyone, and fails after all when one failed", async () => {
    const { network, directory, options } = world("a", "b", "c");
    const invoker = clusters["broadcast"]?.(directory, options);
    expect(await invoker?.invoke(invocation())).toBe("c");
    const error = rpcError("CONNECTION_LOST");
    network.answers.set("a", rejectsWith(error));
    await expect(invoker?.invoke(invocation())).rejects.toBe(error);
    expect(network.calls.toSorted()).toEqual(["a", "a", "b", "b", "c", "c"]);
  });
});

describe("providers that are ill", () => {
  async function run({ directory, options }: World, calls: number): Promise<void> {
    const invoker = failover(directory, { ...options, retries: 0 });
    for (let i = 0; i < calls; i++) await outcome(invoker.invoke(invocation({ deadlineMs: Infinity })));
  }

  const share = ({ network }: World, host: string) => network.calls.filter((one) => one === host).length;

  test("one whose protocol says that it is unavailable gets no call while others are there", async () => {
    const all = world("a", "b", "c");
    await run(all, 3);
    all.network.unavailable.add("a");
    await run(all, 30);
    expect(share(all, "a")).toBe(1);
    all.network.unavailable.delete("a");
    await run(all, 30);
    expect(share(all, "a")).toBeGreaterThan(5);
  });

  test("all are used when all are unavailable", async () => {
    const all = world("a", "b");
    await run(all, 2);
    all.network.unavailable.add("a").add("b");
    await run(all, 10);
    expect(share(all, "a")).toBe(6);
    expect(share(all, "b")).toBe(6);
  });

  test("one that died is avoided from its first lost connection on, then probed by one call, rarer each time", async () => {
    const all = world("a", "b");
    all.network.answers.set("a", rejectsWith(rpcError("CONNECTION_LOST")));
    await run(all, 50);
    expect(share(all, "a")).toBe(1);
    await all.runtime.clock.advance(1_000);
    await run(all, 50);
    expect(share(all, "a")).toBe(2);
    await all.runtime.clock.advance(1_000);
    await run(all, 50);
    expect(share(all, "a")).toBe(2);
    await all.runtime.clock.advance(1_000);
    all.network.answers.delete("a");
    await run(all, 50);
    expect(share(all, "a")).toBeGreaterThan(20);
  });

  test("one that is silent is avoided after three calls, for half a minute", async () => {
    const all = world("a", "b");
    all.network.answers.set("a", rejectsWith(rpcError("CALL_TIMEOUT")));
    await run(all, 100);
    expect(share(all, "a")).toBe(3);
    expect(all.directory.invokers[0]).toMatchObject({ available: false, ejected: true });
    await all.runtime.clock.advance(30_000);
    all.network.answers.delete("a");
    await run(all, 100);
    expect(share(all, "a")).toBeGreaterThan(45);
  });

  test("only one call at a time is a probe", async () => {
    const all = world("a", "b");
    all.network.answers.set("a", rejectsWith(rpcError("CONNECT_FAILED", false)));
    await run(all, 2);
    await all.runtime.clock.advance(1_000);
    const before = share(all, "a");
    let fail: (error: unknown) => void = () => {};
    all.network.answers.set("a", () => new Promise((_, reject) => (fail = reject)));
    const invoker = failover(all.directory, { ...all.options, retries: 0 });
    const calls = Array.from({ length: 20 }, () => outcome(invoker.invoke(invocation())));
    expect(share(all, "a") - before).toBe(1);
    fail(rpcError("CONNECT_FAILED", false));
    await Promise.all(calls);
    expect(all.directory.invokers[0]?.available).toBe(false);
  });

  test("many calls that are lost together count as one failure", async () => {
    const all = world("a", "b");
    const fails: ((error: unknown) => void)[] = [];
    all.network.answers.set("a", () => new Promise((_, reject) => fails.push(reject)));
    const invoker = failover(all.directory, { ...all.options, retries: 0 });
    const calls = Array.from({ length: 40 }, () => outcome(invoker.invoke(invocation())));
    for (const fail of fails) fail(rpcError("CONNECTION_LOST"));
    await Promise.all(calls);
    await all.runtime.clock.advance(1_000);
    expect(all.directory.invokers[0]?.available).toBe(true);
  });

  test.each<[string, unknown]>([
    ["exceptions of the method", new RemoteException("org.example.Boom", null)],
    ["calls that the caller cancels", new Error("cancelled")],
    ["wrong arguments", new InvalidValueError("INVALID_ARGUMENT", "x", "y")],
    ["unknown methods", rpcError("METHOD_NOT_FOUND", false)],
  ])("%s say nothing against a provider", async (_, error) => {
    const all = world("a", "b");
    all.network.answers.set("a", rejectsWith(error));
    await run(all, 40);
    expect(share(all, "a")).toBe(20);
  });

  test("a success in between starts the count again", async () => {
    const all = world("a", "b");
    let calls = 0;
    all.network.answers.set("a", () =>
      ++calls % 3 === 0 ? Promise.resolve(1) : Promise.reject(rpcError("CALL_TIMEOUT")),
    );
    await run(all, 60);
    expect(share(all, "a")).toBe(30);
  });

  test("a one way call that was written does not heal anyone", async () => {
    const all = world("a");
    const [candidate] = all.directory.invokers as [Candidate];
    all.network.answers.set("a", rejectsWith(rpcError("CALL_TIMEOUT")));
    for (let i = 0; i < 3; i++) await outcome(candidate.invoke(invocation()));
    all.network.answers.delete("a");
    await candidate.invoke(invocation({ oneway: true }));
    expect(candidate.available).toBe(false);
    await all.runtime.clock.advance(30_000);
    await candidate.invoke(invocation({ oneway: true }));
    expect(candidate.available).toBe(true); // still to be probed
    await candidate.invoke(invocation());
    expect(candidate).toMatchObject({ available: true, ejected: false });
  });

  test("when all time out, at most a tenth is avoided", async () => {
    const hosts = Array.from({ length: 20 }, (_, index) => `h${index}`);
    const all = world(...hosts);
    for (const host of hosts) all.network.answers.set(host, rejectsWith(rpcError("CALL_TIMEOUT")));
    await run(all, 200);
    expect(all.directory.invokers.filter(({ ejected }) => ejected)).toHaveLength(20);
    expect(usable(all.directory.invokers)).toHaveLength(18);
  });

  test("of many dead ones none gets a call, however many they are", async () => {
    const hosts = Array.from({ length: 20 }, (_, index) => `h${index}`);
    const all = world(...hosts);
    for (const host of hosts.slice(1))
      all.network.answers.set(host, rejectsWith(rpcError("CONNECT_FAILED", false)));
    await run(all, 40);
    expect(usable(all.directory.invokers).map(({ endpoint: { host } }) => host)).toEqual(["h0"]);
  });

  test("while the one that was picked is well, no other is looked at", async () => {
    const { directory, options } = world(...Array.from({ length: 50 }, (_, at) => `p${at}`));
    let looks = 0;
    const counted = directory.invokers.map((candidate) =>
      Object.defineProperty(Object.create(candidate) as Candidate, "available", {
        get: () => (looks += 1) > 0,
      }),
    );
    const cluster = failover({ ...directory, resolution: directory.resolution, invokers: counted }, options);
    for (let call = 0; call < 10; call += 1) await cluster.invoke(invocation());
    expect(looks).toBe(10);
  });

  test("the list itself is used when all are well: nothing is copied for a call", () => {
    const { directory } = world("a", "b");
    expect(usable(directory.invokers)).toBe(directory.invokers);
  });

  test("a thousand providers that appear at once are connected to at 50 a second", async () => {
    const runtime = testRuntime();
    const network = new Network();
    const pool = createInvokerPool({ refer: network.refer, runtime });
    const directory = createDirectory({ pool, service, runtime });
    directory.apply(resolved(...Array.from({ length: 1_000 }, (_, index) => at(`h${index}`))));
    const invoker = failover(directory, {
      runtime,
      loadBalancer: random({ ...runtime, random: seededRandom(1) }),
    });
    for (let second = 1; second <= 4; second++) {
      for (let i = 0; i < 500; i++) await invoker.invoke(invocation({ deadlineMs: Infinity }));
      expect(network.opened).toBe(second * 50);
      await runtime.clock.advance(1_000);
    }
    await pool[Symbol.asyncDispose]();
    expect([...network.open.values()].every((open) => open === 0)).toBe(true);
  });
});

test("picking one of ten takes about a microsecond", () => {
  const { runtime, directory } = world(...Array.from({ length: 10 }, (_, index) => `h${index}`));
  const call = invocation();
  for (const factory of [random, roundRobin]) {
    const balance = factory({ clock: { ...runtime.clock, wallMs: Date.now }, random: Math.random });
    const pickMany = (times: number) => {
      for (let i = 0; i < times; i++) balance(usable(directory.invokers), call);
    };
    pickMany(20_000);
    let best = Infinity;
    for (let round = 0; round < 5; round++) {
      const started = performance.now();
      pickMany(20_000);
      best = Math.min(best, (performance.now() - started) / 20_000);
    }
    expect(best * 1_000).toBeLessThan(5); // µs; generous, since machines are shared
  }
});
