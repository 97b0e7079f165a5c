import {
  type Clock,
  InvalidValueError,
  RemoteException,
  RpcError,
  serviceKey,
  silentLogger,
} from "@dubbo-ts/core";
import { callContext, type CallContext, tryCallContext } from "./call-context.js";
import type { ClientSettings } from "./caller.js";
import { createClient, echo } from "./client.js";
import { defineService, findMethod, genericService } from "./define-service.js";
import { createGenericClient } from "./generic-client.js";
import type { Invocation } from "./invocation.js";
import type { Filter, Invoker } from "./invoker.js";
import { java } from "./java.js";
import { localInvoker } from "./local-protocol.js";
import { method } from "./method.js";
import { asCallError, toRemoteException } from "./remote-exception.js";
import { serveImplementation } from "./serve.js";
import type { Implementation } from "./service-definition.js";

const Gender = java.enum("org.example.Gender", ["MALE", "FEMALE"]);
const User = java.object("org.example.User", {
  id: java.long(),
  name: java.string(),
  gender: Gender,
  birthday: java.date().nullable(),
});
const UserProvider = defineService("org.example.UserProvider", {
  getUser: method([java.long()], User.nullable()),
  rename: method([User, java.string()], User),
  ping: method([], java.void()),
});
const key = serviceKey("org.example.UserProvider", { version: "1.0.0" });
const ann = { id: 1n, name: "Ann", gender: "FEMALE", birthday: null } as const;

/** Time that only a test moves. */
class ManualClock implements Clock {
  #nowMs = 0;
  readonly #timers = new Set<{ readonly atMs: number; readonly run: () => void }>();
  monotonicMs = () => this.#nowMs;
  wallMs = () => this.#nowMs;
  setTimeout(run: () => void, delayMs: number) {
    const timer = { atMs: this.#nowMs + delayMs, run };
    this.#timers.add(timer);
    return { cancel: () => void this.#timers.delete(timer) };
  }
  get timers() {
    return this.#timers.size;
  }
  advance(ms: number): void {
    this.#nowMs += ms;
    for (const timer of this.#timers)
      if (timer.atMs <= this.#nowMs) {
        this.#timers.delete(timer);
        timer.run();
      }
  }
}

function setup(changes: Partial<Implementation<typeof UserProvider>> = {}, filters: readonly Filter[] = []) {
  const clock = new ManualClock();
  const warnings: string[] = [];
  const log = { ...silentLogger, warn: (_: object, message: string) => void warnings.push(message) };
  const implementation: Implementation<typeof UserProvider> = {
    getUser: (id) => (id === 1n ? { ...ann } : null),
    rename: (user, name) => ({ ...user, name }),
    ping: () => {},
    ...changes,
  };
  const invoker = serveImplementation(UserProvider, implementation, filters, { clock });
  const local = localInvoker({ key, definition: UserProvider, invoker }, { clock, log });
  const settings: ClientSettings = { service: key, runtime: { clock }, timeoutMs: () => 1_000 };
  const client = createClient(UserProvider, local, settings);
  return { clock, warnings, invoker, local, settings, client };
}

/** An invoker that keeps what it got and answers null. */
function recorder(answer: (invocation: Invocation) => Promise<unknown> = async () => null) {
  const invocations: Invocation[] = [];
  const invoker: Invoker = {
    invoke(invocation) {
      invocations.push(invocation);
      return answer(invocation);
    },
  };
  return { invocations, invoker };
}

/** A promise and its ends. */
function gate<T>() {
  let open: (value: T) => void = () => {};
  const opened = new Promise<T>((resolve) => {
    open = resolve;
  });
  return { open, opened };
}

const settled = () => new Promise((resolve) => setImmediate(resolve));

function invocationOf(name: string, args: readonly unknown[], more: Partial<Invocation> = {}): Invocation {
  const definition = findMethod(UserProvider, name)?.definition ?? UserProvider.methods.ping;
  return {
    service: key,
    definition: UserProvider,
    method: name,
    methodDefinition: definition,
    args,
    attachments: new Map(),
    responseAttachments: new Map(),
    deadlineMs: Infinity,
    signal: undefined,
    oneway: false,
    peer: undefined,
    ...more,
  };
}

describe("a client", () => {
  const { settings, clock } = setup();

  test("makes an invocation of a call", async () => {
    const { invoker, invocations } = recorder();
    const client = createClient(UserProvider, invoker, {
      ...settings,
      timeoutMs: (name) => (name === "getUser" ? 500 : 9_000),
      attachments: { from: "settings", both: "settings" },
      oneway: (name) => name === "ping",
      attempts: (name) => (name === "rename" ? 3 : 1),
    });
    await client.getUser(1n);
    await client.getUser(2n, { timeoutMs: 50, attachments: { both: "call" } });
    await client.ping();
    await client.rename(ann, "Bob");
    expect(invocations[0]).toMatchObject({
      service: key,
      method: "getUser",
      methodDefinition: UserProvider.methods.getUser,
      args: [1n],
      deadlineMs: clock.monotonicMs() + 500,
      signal: undefined,
      oneway: false,
      attemptTimeoutMs: 500,
    });
    expect(invocations[0]?.attachments).toEqual(
      new Map([
        ["from", "settings"],
        ["both", "settings"],
      ]),
    );
    expect(invocations[1]).toMatchObject({
      args: [2n],
      deadlineMs: clock.monotonicMs() + 50,
      attemptTimeoutMs: undefined,
    });
    expect(invocations[1]?.attachments).toEqual(
      new Map([
        ["from", "settings"],
        ["both", "call"],
      ]),
    );
    expect(invocations[2]).toMatchObject({ method: "ping", oneway: true, args: [] });
    expect(invocations[3]).toMatchObject({
      deadlineMs: clock.monotonicMs() + 27_000,
      attemptTimeoutMs: 9_000,
    });
    expect(invocations[0]?.responseAttachments).not.toBe(invocations[1]?.responseAttachments);
  });

  test("is no thenable, and shows the definition's methods only", async () => {
    const client = createClient(UserProvider, recorder().invoker, settings);
    expect(await Promise.resolve(client)).toBe(client);
    expect(Object.keys(client)).toEqual(["getUser", "rename", "ping"]);
  });

  test("rejects a wrong call before anything is sent, and never throws", async () => {
    const { invoker, invocations } = recorder();
    const client = createClient(UserProvider, invoker, settings) as unknown as Record<
      string,
      (...args: unknown[]) => Promise<unknown>
    >;
    const wrong: unknown[][] = [
      ["getUser"],
      ["getUser", 1.5],
      ["getUser", 1n, {}, {}],
      ["getUser", 1n, 500],
      ["getUser", 1n, { timeout: 500 }],
      ["getUser", 1n, { timeoutMs: 0 }],
      ["getUser", 1n, { timeoutMs: Number.NaN }],
      ["getUser", 1n, { timeoutMs: "5s" }],
      ["getUser", 1n, { signal: {} }],
      ["getUser", 1n, { onAttachments: 1 }],
      ["getUser", 1n, { attachments: { a: 1 } }],
      ["rename", { ...ann, name: undefined }, "Bob"],
      ["ping", "x"],
    ];
    const messages: string[] = [];
    for (const [name, ...args] of wrong)
      await client[String(name)]?.(...args).catch((error: unknown) => {
        messages.push(error instanceof InvalidValueError ? error.message : String(error));
      });
    expect(messages).toMatchInlineSnapshot(`
[
  "getUser.args: expected 1 arguments, got 0",
  "getUser.args[0]: expected long, got number 1.5",
  "getUser.args: expected 1 arguments, got 3",
  "getUser.options: expected call options, got number 500",
  "getUser.options: unknown option "timeout"; there are timeoutMs, attachments, signal, onAttachments",
  "getUser.options.timeoutMs: expected milliseconds above 0, got number 0",
  "getUser.options.timeoutMs: expected milliseconds above 0, got number NaN",
  "getUser.options.timeoutMs: expected milliseconds above 0, got "5s"",
  "getUser.options.signal: expected AbortSignal, got object",
  "getUser.options.onAttachments: expected function, got number 1",
  "getUser.options.attachments["a"]: expected string, got number 1",
  "rename.args[0].name: expected string, got undefined",
  "ping.options: expected call options, got "x"",
]
`);
    expect(invocations).toEqual([]);
    await client["getUser"]?.(1n, undefined);
    expect(invocations[0]?.args).toEqual([1n]);
  });

  test("rejects with the signal's reason, whether the invoker listens or not", async () => {
    const { invoker, invocations } = recorder(() => new Promise(() => {}));
    const client = createClient(UserProvider, invoker, settings);
    const reason = new Error("no longer wanted");
    await expect(client.getUser(1n, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
    expect(invocations).toEqual([]);
    const controller = new AbortController();
    const call = client.getUser(1n, { signal: controller.signal });
    expect(invocations[0]?.signal).toBe(controller.signal);
    controller.abort(reason);
    await expect(call).rejects.toBe(reason);
  });

  test("tells what came beside the answer, and only after success", async () => {
    const seen: unknown[] = [];
    const onAttachments = (attachments: ReadonlyMap<string, string>) => void seen.push([...attachments]);
    const client = createClient(
      UserProvider,
      recorder(async ({ args, responseAttachments }) => {
        responseAttachments.set("served-by", "a");
        if (args[0] === 2n) throw new RemoteException("a.B", "no");
        return null;
      }).invoker,
      settings,
    );
    await client.getUser(1n, { onAttachments });
    await expect(client.getUser(2n, { onAttachments })).rejects.toThrow("no");
    expect(seen).toEqual([[["served-by", "a"]]]);
  });

  test("an invoker that throws at once makes the call reject", async () => {
    const invoker: Invoker = {
      invoke() {
        throw new RpcError("CONNECT_FAILED", "nobody there");
      },
    };
    const call = createClient(UserProvider, invoker, settings).getUser(1n);
    await expect(call).rejects.toMatchObject({ code: "CONNECT_FAILED" });
  });

  test("streams pass both ways, each message checked", async () => {
    const Chat = defineService("org.example.Chat", {
      watch: method.serverStream([java.int()], java.string()),
      upload: method.clientStream(java.int(), java.int()),
      talk: method.bidi(java.string(), java.string()),
    });
    const invoker = serveImplementation(Chat, {
      async *watch(count) {
        for (let n = 0; n < count; n += 1) yield n === 2 ? (n as never) : `n${n}`;
      },
      async upload(messages) {
        let sum = 0;
        for await (const message of messages) sum += message;
        return sum;
      },
      async *talk(messages) {
        for await (const message of messages) yield message.toUpperCase();
      },
    });
    const service = serviceKey("org.example.Chat");
    const local = localInvoker({ key: service, definition: Chat, invoker }, { clock, log: silentLogger });
    const client = createClient(Chat, local, { ...settings, service });
    async function* send<T>(...messages: T[]) {
      yield* messages;
    }
    const read = async (stream: AsyncIterable<unknown>) => {
      const got: unknown[] = [];
      for await (const message of stream) got.push(message);
      return got;
    };
    expect(await read(client.watch(2))).toEqual(["n0", "n1"]);
    await expect(read(client.watch(3))).rejects.toThrow("watch.result: expected string, got number 2");
    await expect(read(client.watch("x" as never))).rejects.toThrow("watch.args[0]: expected int");
    expect(await client.upload(send(1, 2))).toBe(3);
    await expect(client.upload(send(1, 2.5))).rejects.toThrow(
      "upload.messages[1]: expected int, got number 2.5",
    );
    await expect(client.upload([1] as never)).rejects.toThrow("expected an async iterable");
    expect(await read(client.talk(send("a", "b")))).toEqual(["A", "B"]);
  });
});

describe("a served implementation", () => {
  test("runs the method that was meant, either case of its first letter, bound to its object", async () => {
    class Provider implements Implementation<typeof UserProvider> {
      #name = "Ann";
      getUser(id: bigint) {
        return { ...ann, id, name: this.#name };
      }
      async rename(user: { name: string }, name: string) {
        this.#name = name;
        return { ...ann, ...user, name };
      }
      ping() {}
    }
    const invoker = serveImplementation(UserProvider, new Provider());
    expect(await invoker.invoke(invocationOf("getUser", [5n]))).toEqual({ ...ann, id: 5n });
    expect(await invoker.invoke(invocationOf("GetUser", [6n]))).toEqual({ ...ann, id: 6n });
    await expect(invoker.invoke(invocationOf("remove", []))).rejects.toMatchObject({
      code: "METHOD_NOT_FOUND",
      mayHaveRun: false,
    });
  });

  test("an implementation that lacks methods is refused, with their names", () => {
    expect(() => serveImplementation(UserProvider, { ping() {} } as never)).toThrow(
      expect.objectContaining({
        code: "DEFINITION_INVALID",
        message: "the implementation of org.example.UserProvider lacks getUser, rename",
      }),
    );
  });

  test("arguments and results that do not fit are told apart from what the method throws", async () => {
    let ran = 0;
    const { invoker } = setup({
      getUser: () => {
        ran += 1;
        return { ...ann, id: 1.5 } as never;
      },
      rename: () =>
        Promise.reject(new InvalidValueError("INVALID_ARGUMENT", "other.args[0]", "its own call")),
    });
    await expect(invoker.invoke(invocationOf("getUser", ["1"]))).rejects.toMatchObject({
      code: "INVALID_ARGUMENT",
      path: "getUser.args[0]",
    });
    expect(ran).toBe(0);
    await expect(invoker.invoke(invocationOf("getUser", []))).rejects.toMatchObject({
      code: "INVALID_ARGUMENT",
    });
    await expect(invoker.invoke(invocationOf("getUser", [1n]))).rejects.toMatchObject({
      code: "INVALID_RESULT",
      path: "getUser.result.id",
    });
    await expect(invoker.invoke(invocationOf("rename", [ann, "x"]))).rejects.toMatchObject({
      code: "REMOTE_EXCEPTION",
      className: "java.lang.RuntimeException",
    });
  });

  test("what the method throws reaches the caller as an exception of Java", async () => {
    const own = new RemoteException("org.example.NotEnough", "3 left", { left: 3 });
    const failed = new RpcError("CONNECT_FAILED", "downstream", { mayHaveRun: false });
    const plain = new TypeError("x is no function");
    const thrown: unknown[] = [own, plain, failed, "text", undefined];
    const got: unknown[] = [];
    for (const error of thrown) {
      const { invoker } = setup({
        getUser: () => {
          throw error;
        },
      });
      await invoker.invoke(invocationOf("getUser", [1n])).catch((caught: unknown) => got.push(caught));
    }
    expect(got[0]).toBe(own);
    expect(got.slice(1)).toEqual([
      expect.objectContaining({
        className: "java.lang.RuntimeException",
        detail: "x is no function",
        cause: plain,
      }),
      expect.objectContaining({
        className: "java.lang.RuntimeException",
        detail: "downstream",
        cause: failed,
      }),
      expect.objectContaining({ className: "java.lang.RuntimeException", detail: 'thrown: "text"' }),
      expect.objectContaining({ className: "java.lang.RuntimeException", detail: "thrown: undefined" }),
    ]);
    expect(asCallError(failed)).toBe(failed);
    expect(toRemoteException(failed)).toMatchObject({ className: "java.lang.RuntimeException" });
  });

  test("filters see the call outside in; what a filter throws is answered too", async () => {
    const seen: string[] = [];
    const filter =
      (name: string): Filter =>
      (next) => ({
        async invoke(invocation) {
          seen.push(`${name} ${invocation.method}`);
          if (invocation.attachments.has("refuse")) throw new Error("not you");
          return next.invoke(invocation);
        },
      });
    const { invoker } = setup({}, [filter("outer"), filter("inner")]);
    await invoker.invoke(invocationOf("ping", []));
    await invoker.invoke(invocationOf("$echo", ["x"]));
    await invoker.invoke(invocationOf("$invoke", ["getUser", null, ["1"]]));
    expect(seen).toEqual(["outer ping", "inner ping", "outer getUser", "inner getUser"]);
    const refused = invoker.invoke(invocationOf("ping", [], { attachments: new Map([["refuse", "1"]]) }));
    await expect(refused).rejects.toMatchObject({
      className: "java.lang.RuntimeException",
      detail: "not you",
    });
  });

  test("a method without a result gives none, whatever it returns", async () => {
    const { invoker } = setup({ ping: () => 5 as never });
    expect(await invoker.invoke(invocationOf("ping", []))).toBeUndefined();
  });
});

describe("the context of a call", () => {
  test("tells about the call, also after a wait and in what the method calls", async () => {
    let context: CallContext | undefined;
    const { client, clock } = setup({
      async getUser() {
        await settled();
        context = callContext();
        context.responseAttachments.set("served-by", "a");
        clock.advance(300);
        return null;
      },
    });
    const back = new Map<string, string>();
    await client.getUser(1n, {
      attachments: { trace: "x", "remote.application": "shop" },
      onAttachments: (attachments) => attachments.forEach((text, name) => back.set(name, text)),
    });
    expect(context).toMatchObject({
      service: key,
      method: "getUser",
      peer: { address: "local", application: "shop" },
      deadlineMs: 1_000,
      remainingMs: 700,
    });
    expect(context?.attachments.get("trace")).toBe("x");
    expect([...back]).toEqual([["served-by", "a"]]);
  });

  test("is missing outside of a call", () => {
    expect(tryCallContext()).toBeUndefined();
    expect(() => callContext()).toThrow("outside of a provider's method");
  });

  test("its signal aborts when the caller cancels", async () => {
    const seen = gate<AbortSignal>();
    const { client, clock } = setup({
      getUser() {
        seen.open(callContext().signal);
        return new Promise(() => {});
      },
    });
    const controller = new AbortController();
    const call = client.getUser(1n, { signal: controller.signal });
    const signal = await seen.opened;
    expect(signal.aborted).toBe(false);
    const reason = new Error("enough");
    controller.abort(reason);
    await expect(call).rejects.toBe(reason);
    expect(signal.reason).toBe(reason);
    await settled();
    expect(clock.timers).toBe(0);
  });

  test("its signal aborts at the deadline, and no timer is left behind", async () => {
    const seen = gate<AbortSignal>();
    const { invoker, clock } = setup({
      getUser() {
        seen.open(callContext().signal);
        return new Promise(() => {});
      },
    });
    void invoker.invoke(invocationOf("getUser", [1n], { deadlineMs: 100 }));
    const signal = await seen.opened;
    clock.advance(100);
    expect(signal.reason).toMatchObject({ code: "CALL_TIMEOUT" });
    expect(clock.timers).toBe(0);
  });

  test("its signal does not abort once the method has settled", async () => {
    let context: CallContext | undefined;
    let early: AbortSignal | undefined;
    const { invoker, clock } = setup({
      getUser() {
        context = callContext();
        early = context.signal;
        return null;
      },
      ping() {
        context = callContext();
      },
    });
    await invoker.invoke(invocationOf("getUser", [1n], { deadlineMs: 100 }));
    expect(clock.timers).toBe(0);
    await invoker.invoke(invocationOf("ping", [], { deadlineMs: 100 }));
    const late = context?.signal;
    clock.advance(1_000);
    expect([early?.aborted, late?.aborted]).toEqual([false, false]);
  });

  test("is of the inner call within a call, and attachments do not flow on by themselves", async () => {
    const traces: unknown[] = [];
    const inner = setup({
      getUser() {
        traces.push(callContext().attachments.get("trace"));
        return null;
      },
    });
    const outer = setup({
      async getUser(id) {
        await inner.client.getUser(id);
        traces.push(callContext().attachments.get("trace"));
        return null;
      },
    });
    await outer.client.getUser(1n, { attachments: { trace: "x" } });
    expect(traces).toEqual([undefined, "x"]);
  });
});

describe("echo and generic calls", () => {
  test("every service echoes", async () => {
    const { client, local, settings } = setup();
    expect(await echo(client, "are you there", { timeoutMs: 50 })).toBe("are you there");
    expect(await createGenericClient("org.example.UserProvider", local, settings).$echo([1])).toEqual([1]);
    await expect(echo({}, 1)).rejects.toThrow(TypeError);
  });

  test("a generic call realizes its arguments and generalizes the result", async () => {
    const { local, settings } = setup();
    const client = createGenericClient("org.example.UserProvider", local, settings);
    expect(await client.invoke("getUser", ["1"])).toEqual(
      new Map(Object.entries({ class: "org.example.User", ...ann })),
    );
    expect(await client.invoke("getUser", [2])).toBeNull();
    const renamed = await client.invoke(
      "Rename",
      [{ class: "org.example.User", id: 7, name: "Ann", gender: "MALE" }, "Bob"],
      {
        parameterTypes: ["org.example.User", "java.lang.String"],
        timeoutMs: 50,
      },
    );
    expect(renamed).toEqual(
      new Map<string, unknown>(
        Object.entries({ class: "org.example.User", id: 7n, name: "Bob", gender: "MALE", birthday: null }),
      ),
    );
    expect(await client.invoke("ping", [])).toBeNull();
  });

  test("sends $invoke with its attachment, beside those of the call", async () => {
    const { invoker, invocations } = recorder();
    const { settings } = setup();
    const client = createGenericClient("org.example.UserProvider", invoker, {
      ...settings,
      attachments: { a: "1" },
    });
    await client.invoke("getUser", [1n], {
      parameterTypes: ["long"],
      attachments: { b: "2", generic: "bean" },
    });
    expect(invocations[0]).toMatchObject({ method: "$invoke", args: ["getUser", ["long"], [1n]] });
    await client.invoke("ping", []); // dubbo-go reads no null over triple
    expect(invocations[1]).toMatchObject({ method: "$invoke", args: ["ping", [], []] });
    expect(Object.fromEntries(invocations[0]?.attachments ?? [])).toEqual({
      a: "1",
      b: "2",
      generic: "true",
    });
    expect(invocations[0]?.definition).toMatchObject({
      serviceInterface: "org.example.UserProvider",
      methods: {},
    });
  });

  test("an exception of a generic call arrives as what the method threw", async () => {
    const { local, invoker, settings } = setup({
      getUser: () => {
        throw new RemoteException("org.example.NoUser", "none");
      },
    });
    const generic = invocationOf("$invoke", ["getUser", null, [1n]], {
      attachments: new Map([["generic", "true"]]),
    });
    await expect(invoker.invoke(generic)).rejects.toMatchObject({
      className: "org.apache.dubbo.rpc.service.GenericException",
      fields: { exceptionClass: "org.example.NoUser", exceptionMessage: "none" },
    });
    const client = createGenericClient("org.example.UserProvider", local, settings);
    await expect(client.invoke("getUser", [1n])).rejects.toMatchObject({
      className: "org.example.NoUser",
      detail: "none",
    });
  });

  test("what a generic call asks for in vain is told", async () => {
    const { invoker } = setup();
    const call = (args: unknown[], generic?: string) =>
      invoker
        .invoke(
          invocationOf("$invoke", args, {
            attachments: new Map(generic === undefined ? [] : [["generic", generic]]),
          }),
        )
        .catch((error: unknown) => (error instanceof Error ? error.message : error));
    expect([
      await call(["remove", null, []]),
      await call(["$invoke", null, []]),
      await call(["getUser", null, []]),
      await call(["getUser", null, null]),
      await call(["getUser", null, [{}]]),
      await call(["rename", null, [{ gender: "OTHER" }, "x"]]),
      await call(["getUser", null, [1n]], "nativejava"),
    ]).toMatchInlineSnapshot(`
[
  "org.example.UserProvider:1.0.0 has no method "remove"",
  "org.example.UserProvider:1.0.0 has no method "$invoke"",
  "getUser.args: expected 1 arguments, got 0",
  "getUser.args: expected 1 arguments, got 0",
  "getUser.args[0]: expected long, got object",
  "rename.args[0].gender: expected one of MALE, FEMALE, got "OTHER"",
  "$invoke.attachments.generic: mode "nativejava" is not supported, only "true" and "raw.return"",
]
`);
  });

  test("raw.return leaves the result as it is", async () => {
    const { invoker } = setup();
    const attachments = new Map([["generic", "raw.return"]]);
    expect(await invoker.invoke(invocationOf("$invoke", ["getUser", null, [1]], { attachments }))).toEqual(
      ann,
    );
  });

  test("a service of which only the name is known answers by name", () => {
    expect(genericService("org.example.UserProvider").methods).toEqual({});
  });
});

describe("a call within one process", () => {
  test("copies arguments and results, as a wire would", async () => {
    const kept: unknown[] = [];
    const stored = { ...ann, birthday: new Date(5) };
    const { client } = setup({
      rename(user, name) {
        kept.push(user);
        user.name = name;
        return stored;
      },
    });
    const mine = { ...ann, birthday: new Date(1) };
    const answer = await client.rename(mine, "Bob");
    expect(mine.name).toBe("Ann");
    expect(kept[0]).not.toBe(mine);
    expect(answer).toEqual(stored);
    answer.birthday?.setTime(9);
    expect(stored.birthday.getTime()).toBe(5);
  });

  test("arguments are those of the moment of the call, and the method runs later", async () => {
    const order: string[] = [];
    const { client } = setup({
      rename(user, name) {
        order.push(user.name);
        return { ...user, name };
      },
    });
    const mine: { id: bigint; name: string; gender: "MALE" } = { id: 1n, name: "Ann", gender: "MALE" };
    const call = client.rename(mine, "Bob");
    mine.name = "changed";
    order.push("called");
    await call;
    expect(order).toEqual(["called", "Ann"]);
  });

  test("ends at its deadline; one that is over already is not begun", async () => {
    let ran = 0;
    const { client, clock, local } = setup({
      getUser() {
        ran += 1;
        return new Promise(() => {});
      },
    });
    const call = client.getUser(1n, { timeoutMs: 100 });
    const outcome = expect(call).rejects.toMatchObject({
      code: "CALL_TIMEOUT",
      mayHaveRun: true,
      peer: "local",
    });
    await settled();
    clock.advance(100);
    await outcome;
    expect([ran, clock.timers]).toEqual([1, 0]);
    const late = local.invoke(invocationOf("getUser", [1n], { deadlineMs: 50 }));
    await expect(late).rejects.toMatchObject({ code: "CALL_TIMEOUT", mayHaveRun: false });
    expect(ran).toBe(1);
  });

  test("leaves no timer behind, and needs none without a deadline", async () => {
    const { client, clock } = setup();
    await client.getUser(1n);
    await client.getUser(1n, { timeoutMs: Infinity });
    await settled();
    expect(clock.timers).toBe(0);
  });

  test("errors are those of a peer, and attachments come back with them", async () => {
    const cause = new Error("broken");
    const { local } = setup({
      getUser() {
        callContext().responseAttachments.set("served-by", "a");
        throw cause;
      },
    });
    const invocation = invocationOf("getUser", [1n]);
    await expect(local.invoke(invocation)).rejects.toMatchObject({
      className: "java.lang.RuntimeException",
      cause,
    });
    expect(invocation.responseAttachments.get("served-by")).toBe("a");
    await expect(local.invoke(invocationOf("remove", []))).rejects.toMatchObject({
      code: "METHOD_NOT_FOUND",
    });
  });

  test("a one-way call is over at once, and its failure is logged", async () => {
    const running = gate<void>();
    const { local, warnings } = setup({
      async ping() {
        await running.opened;
        throw new Error("late");
      },
    });
    expect(await local.invoke(invocationOf("ping", [], { oneway: true }))).toBeUndefined();
    expect(warnings).toEqual([]);
    running.open();
    await settled();
    expect(warnings).toEqual(["a one-way call failed"]);
  });

  test("a cancelled call ends with the signal's reason", async () => {
    const { local, clock } = setup({ getUser: () => new Promise(() => {}) });
    const controller = new AbortController();
    const call = local.invoke(invocationOf("getUser", [1n], { signal: controller.signal, deadlineMs: 100 }));
    controller.abort("enough");
    await expect(call).rejects.toBe("enough");
    expect(clock.timers).toBe(0);
  });
});
