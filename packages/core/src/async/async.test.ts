import { backoffMs, retry } from "./backoff.js";
import { DisposalScope } from "./disposal-scope.js";
import { Latest } from "./latest.js";
import { OncePerKey } from "./once-per-key.js";
import { abortable, deadline, sleep } from "./sleep.js";
import { systemClock } from "../runtime.js";

const never = new AbortController().signal;

describe("Latest", () => {
  test("gives a slow reader the newest value only", async () => {
    const latest = new Latest<number>();
    latest.set(1);
    latest.set(2);
    const reader = latest[Symbol.asyncIterator]();
    expect(await reader.next()).toEqual({ done: false, value: 2 });
    const waiting = reader.next();
    latest.set(3);
    expect(await waiting).toEqual({ done: false, value: 3 });
  });

  test("ends when its signal aborts, also while it is read", async () => {
    const controller = new AbortController();
    const latest = new Latest<number>(controller.signal);
    const waiting = latest[Symbol.asyncIterator]().next();
    controller.abort();
    expect(await waiting).toEqual({ done: true, value: undefined });
    latest.set(1);
    expect(await latest[Symbol.asyncIterator]().next()).toEqual({ done: true, value: undefined });
  });

  test("gives an error where it is read, behind the values set before", async () => {
    const latest = new Latest<number>();
    latest.set(1);
    latest.fail(new Error("lost"));
    const reader = latest[Symbol.asyncIterator]();
    expect((await reader.next()).value).toBe(1);
    await expect(reader.next()).rejects.toThrow("lost");
  });

  test("has ended at once when the signal had aborted before", async () => {
    const latest = new Latest<number>(AbortSignal.abort());
    expect((await latest[Symbol.asyncIterator]().next()).done).toBe(true);
  });
});

describe("retry", () => {
  const options = { clock: systemClock, random: () => 0, signal: never, baseMs: 1 };

  test("tries until it succeeds and tells of each failure", async () => {
    const failures: number[] = [];
    let calls = 0;
    const value = await retry(async () => (++calls < 3 ? Promise.reject(new Error("no")) : calls), {
      ...options,
      onFailure: (_error, count) => failures.push(count),
    });
    expect(value).toBe(3);
    expect(failures).toEqual([1, 2]);
  });

  test("stops at the last attempt, at an error that is final, and at an abort", async () => {
    const fail = () => Promise.reject(new Error("no"));
    await expect(retry(fail, { ...options, attempts: 2 })).rejects.toThrow("no");
    let calls = 0;
    await expect(retry(() => (calls++, fail()), { ...options, isRetryable: () => false })).rejects.toThrow(
      "no",
    );
    expect(calls).toBe(1);
    const reason = new Error("stop");
    await expect(retry(fail, { ...options, signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
  });

  test("waits at random below a bound that doubles up to the cap", () => {
    const almostOne = () => 0.999;
    expect([0, 1, 2, 9, 1000].map((n) => Math.ceil(backoffMs(n, almostOne)))).toEqual([
      100, 200, 400, 4995, 4995,
    ]);
    expect(backoffMs(5, () => 0)).toBe(0);
  });
});

test("a sleep ends with the reason of its signal and leaves no timer", async () => {
  const controller = new AbortController();
  const sleeping = sleep(systemClock, 60_000, controller.signal);
  controller.abort(new Error("woken"));
  await expect(sleeping).rejects.toThrow("woken");
  await expect(sleep(systemClock, 1, AbortSignal.abort("gone"))).rejects.toBe("gone");
});

test("abortable gives up waiting, not working", async () => {
  const controller = new AbortController();
  const waiting = abortable(new Promise(() => {}), controller.signal);
  controller.abort("enough");
  await expect(waiting).rejects.toBe("enough");
  expect(await abortable(Promise.resolve(1), never)).toBe(1);
});

test("a deadline aborts with its own reason, or with the parent's", async () => {
  const reason = new Error("too late");
  using late = deadline(systemClock, 1, () => reason);
  await new Promise((resolve) => late.signal.addEventListener("abort", resolve));
  expect(late.signal.reason).toBe(reason);
  using child = deadline(systemClock, 60_000, () => reason, AbortSignal.abort("parent"));
  expect(child.signal.reason).toBe("parent");
});

test("those who ask for one key at the same time share one piece of work", async () => {
  const once = new OncePerKey<string, number>();
  let runs = 0;
  const work = async () => ++runs;
  expect(await Promise.all([once.run("a", work), once.run("a", work), once.run("b", work)])).toEqual([
    1, 1, 2,
  ]);
  expect(await once.run("a", work)).toBe(3);
  await expect(once.run("c", () => Promise.reject(new Error("no")))).rejects.toThrow("no");
  expect(await once.run("c", work)).toBe(4);
});

describe("DisposalScope", () => {
  test("closes in reverse order, once, and goes on after a failure", async () => {
    const closed: string[] = [];
    const scope = new DisposalScope();
    scope.defer(() => void closed.push("first"));
    scope.defer(() => Promise.reject(new Error("second fails")));
    scope.use({ [Symbol.dispose]: () => void closed.push("third") });
    await expect(scope[Symbol.asyncDispose]()).rejects.toThrow("second fails");
    await expect(scope[Symbol.asyncDispose]()).rejects.toThrow("second fails");
    expect(closed).toEqual(["third", "first"]);
  });

  test("gives what it holds to another scope", async () => {
    const closed: string[] = [];
    const scope = new DisposalScope();
    scope.defer(() => void closed.push("it"));
    const next = scope.move();
    await scope[Symbol.asyncDispose]();
    expect(closed).toEqual([]);
    await next[Symbol.asyncDispose]();
    expect(closed).toEqual(["it"]);
  });
});
