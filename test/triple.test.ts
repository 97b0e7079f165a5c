import {
  callContext,
  createApplication,
  defineService,
  echo,
  hasCode,
  java,
  loadProto,
  memoryCenters,
  method,
  type ProtoMethod,
  RemoteException,
  type ServiceDefinition,
} from "dubbo-ts";
import { waitFor } from "@dubbo-ts/testkit";
import { freeBasePort, startProgram, Worker } from "./programs.js";

const Clock = defineService("org.example.Clock", {
  greet: method([java.string()], java.string()),
  fail: method([java.string()], java.string()),
  hang: method([], java.string()),
  whoAmI: method([], java.string()),
  ticks: method.serverStream([java.int()], java.int()),
  sum: method.clientStream(java.int(), java.long()),
  chat: method.bidi(java.string(), java.string()),
});

type Greeter = ServiceDefinition<{ SayHello: ProtoMethod<{ name?: string }, { message: string }> }>;

const proto = `syntax = "proto3"; package story.v1;
message HelloRequest { string name = 1; }
message HelloReply { string message = 1; }
service Greeter { rpc SayHello (HelloRequest) returns (HelloReply); }`;

const memory = memoryCenters();
const common = { registry: "memory://", memory, env: {} };
const quiet = { logger: { level: "silent" }, shutdown: { grace: 0 } };
const tri = { protocols: { tri: { name: "tri", port: 0 } }, ...quiet };

const cancelled: unknown[] = [];

async function provider(id: string) {
  const app = await createApplication({ ...common, name: "clock-app", config: tri });
  await app.export(Clock, {
    greet: (name) => `hello ${name}`,
    fail: (message) => {
      throw new RemoteException("org.example.Broken", message, { part: "spring" });
    },
    hang: () => {
      const { signal } = callContext();
      return new Promise<string>((_, reject) => {
        signal.addEventListener("abort", () => {
          cancelled.push(signal.reason);
          reject(signal.reason as Error);
        });
      });
    },
    whoAmI: () => id,
    ticks: async function* (count) {
      for (let tick = 1; tick <= count; tick += 1) yield tick;
    },
    sum: async (numbers) => {
      let sum = 0n;
      for await (const number of numbers) sum += BigInt(number);
      return sum;
    },
    chat: async function* (texts) {
      for await (const text of texts) yield text.toUpperCase();
    },
  });
  const { Greeter } = await loadProto<{ Greeter: Greeter }>({ source: proto });
  await app.export(Greeter, { SayHello: ({ name }) => ({ message: `Hello ${name}` }) });
  await app.start();
  return app;
}

async function consumer() {
  return createApplication({ ...common, name: "clock-client", config: quiet });
}

test("over triple an application is found and called, with streams, exceptions, deadlines and cancelling", async () => {
  await using _ = await provider("one");
  await using app = await consumer();
  const clock = await app.refer(Clock);
  expect(await clock.greet("world")).toBe("hello world");
  expect(await echo(clock, "ping")).toBe("ping");
  const { Greeter } = await loadProto<{ Greeter: Greeter }>({ source: proto });
  expect(await (await app.refer(Greeter)).SayHello({ name: "proto" })).toEqual({ message: "Hello proto" });

  const ticks: number[] = [];
  for await (const tick of clock.ticks(3)) ticks.push(tick);
  expect(ticks).toEqual([1, 2, 3]);
  async function* numbers() {
    yield 1;
    yield 2;
  }
  expect(await clock.sum(numbers())).toBe(3n);
  const answers: string[] = [];
  async function* texts() {
    yield "a";
    yield "b";
  }
  for await (const answer of clock.chat(texts())) answers.push(answer);
  expect(answers).toEqual(["A", "B"]);

  await expect(clock.fail("spring broke")).rejects.toMatchObject({
    code: "REMOTE_EXCEPTION",
    className: "org.example.Broken",
    fields: { part: "spring" },
  });
  await expect(clock.hang({ timeoutMs: 80 })).rejects.toMatchObject({ code: "CALL_TIMEOUT" });
  await waitFor(() => cancelled.length === 1, { what: "the method to learn that nobody waits" });
  const controller = new AbortController();
  const call = clock.hang({ signal: controller.signal, timeoutMs: 5_000 });
  setTimeout(() => controller.abort(new Error("never mind")), 50);
  await expect(call).rejects.toThrow("never mind");
  await waitFor(() => cancelled.length === 2, { what: "the method to be cancelled" });
});

test("a restart of all providers over triple, one after another, loses no call", async () => {
  let one = await provider("one");
  let two = await provider("two");
  await using app = await consumer();
  const clock = await app.refer(Clock);
  const seen = new Set<string>();
  const failures: unknown[] = [];
  let running = true;
  const load = (async () => {
    while (running) {
      await clock.whoAmI().then(
        (id) => seen.add(id),
        (error: unknown) => failures.push(error),
      );
    }
  })();
  await waitFor(() => seen.size === 2, { what: "answers of both" });
  await one.stop();
  one = await provider("three");
  await waitFor(() => seen.has("three"), { what: "answers of the first new one" });
  await two.stop();
  two = await provider("four");
  await waitFor(() => seen.size === 4, { what: "answers of both new ones" });
  running = false;
  await load;
  await Promise.all([one.stop(), two.stop()]);
  expect(failures).toEqual([]);
});

test("a service by its address needs no registry, and a gRPC server is one", async () => {
  const app = await createApplication({ ...common, name: "plain", config: tri });
  const handle = await app.export(Clock, {} as never).catch(() => undefined);
  expect(handle).toBeUndefined();
  const { Greeter } = await loadProto<{ Greeter: Greeter }>({ source: proto });
  const { addresses } = await app.export(Greeter, { SayHello: ({ name }) => ({ message: `Hi ${name}` }) });
  await using client = await consumer();
  const greeter = await client.refer(Greeter, { url: `tri://127.0.0.1:${addresses[0]?.port}` });
  expect(await greeter.SayHello({ name: "you" })).toEqual({ message: "Hi you" });
  await app.stop();
});

test("calls in flight on a provider that is killed fail at once, and are repeated elsewhere", async () => {
  const registry = `local://127.0.0.1:${await freeBasePort()}`;
  const start = () => startProgram("provider", registry, "worker-app", "0", "tri");
  await using app = await createApplication({
    name: "fault-client",
    registry,
    config: { ...quiet, cache: { enabled: false } },
    env: {},
  });
  await using victim = await start();
  await using survivor = await start();
  const once = await app.refer(Worker, { retries: 0, timeoutMs: 20_000 });
  const again = await app.refer(Worker, { timeoutMs: 20_000 });
  const both = new Set<number>();
  await waitFor(async () => both.add(await once.whoAmI()).size === 2, { what: "answers of both" });
  const settle = async (call: Promise<string>) => {
    const outcome = await call.catch((error: unknown) => error);
    return { outcome, at: performance.now() };
  };
  const single = Array.from({ length: 20 }, () => settle(once.work(2_000)));
  const repeated = Array.from({ length: 20 }, () => settle(again.work(2_000)));
  await new Promise((resolve) => setTimeout(resolve, 300)); // all of them are written and running by now
  const killedAt = performance.now();
  await victim.end("SIGKILL");
  for (const { outcome } of await Promise.all(repeated)) expect(outcome).toBe(`done by ${survivor.pid}`);
  const lost = (await Promise.all(single)).filter(({ outcome }) => hasCode(outcome, "CONNECTION_LOST"));
  expect(lost.length).toBeGreaterThan(0);
  for (const { at } of lost) expect(at - killedAt).toBeLessThan(200);
}, 40_000);
