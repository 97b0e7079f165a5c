import { noLeaks, recordingLogger, waitFor } from "@dubbo-ts/testkit";
import { EtcdClient, type EtcdError, KeptLease, LeasedKey, watchKeys } from "./index.js";
import { type Answers, scriptedEtcd, statusAnswer } from "./test-support.js";

jest.setTimeout(60_000);

const nothing = Buffer.alloc(0);
/** `header { revision 5 }` */
const header = [0x0a, 2, 0x18, 5];
const bytes = (...values: number[]) => Buffer.from(values);
const whole: Answers = () => [bytes(...header)];
const empty: Answers = () => [nothing];
const healthy = { "Maintenance/Status": () => [statusAnswer("3.4.23", header)] };

const cleanups: (() => PromiseLike<void> | void)[] = [];
const leaks = noLeaks();

afterEach(async () => {
  while (cleanups.length > 0) await cleanups.pop()?.();
  await leaks();
});

/** A client of a server that answers `answers`, and to Status what is right. */
async function open(answers: Readonly<Record<string, Answers>>) {
  const server = await scriptedEtcd({ ...healthy, ...answers });
  const log = recordingLogger();
  const client = new EtcdClient({ endpoints: server.endpoint, callTimeoutMs: 20_000, log });
  cleanups.push(
    () => server[Symbol.dispose](),
    () => client.close(),
  );
  await client.ready(AbortSignal.timeout(20_000));
  return { server, client, log, wrong: wrongServer(server.endpoint, "header") };
}

const wrongServer = (endpoint: string, lacking: string) => ({
  name: "EtcdError",
  code: "NOT_ETCD",
  message: `${endpoint} is no etcd server: an answer without ${lacking}`,
});

/** Watches `/a/` from revision 1 on, and gives what the handler is told. */
function watch(client: EtcdClient) {
  const told: string[] = [];
  let ended: EtcdError | undefined;
  const stop = client.watch({ prefix: "/a/" }, 1n, {
    onCreated: (revision) => told.push(`created ${revision}`),
    onEvents: (events) => told.push(`${events.length} events`),
    onProgress: (revision) => told.push(`progress ${revision}`),
    onEnd: (error) => {
      ended = error;
    },
  });
  cleanups.push(stop);
  return { told, ended: () => ended };
}

describe("an answer without header is no etcd's", () => {
  test.each<[string, (client: EtcdClient) => Promise<unknown>]>([
    ["KV/Put", (client) => client.put("/a", "v")],
    ["KV/Txn", (client) => client.txn({ compare: [], success: [{ type: "get", range: { key: "/a" } }] })],
    ["KV/Range", (client) => client.list({ prefix: "/a/" })],
    ["KV/Range", (client) => client.get("/a")],
    ["KV/DeleteRange", (client) => client.delete({ key: "/a" })],
    ["KV/Compact", (client) => client.compact(1n)],
    ["Lease/LeaseGrant", (client) => client.grantLease(5)],
    ["Lease/LeaseRevoke", (client) => client.revokeLease(5n)],
    ["Lease/LeaseTimeToLive", (client) => client.leaseInfo(5n)],
  ])("to %s", async (path, call) => {
    const { client, server, wrong } = await open({ [path]: empty });
    await expect(call(client)).rejects.toMatchObject(wrong);
    expect(server.asked(path)).toBe(1);
    expect(client.connected).toBe(true);
  });

  test.each<[string, Record<string, Answers>]>([
    ["Status", { "Maintenance/Status": () => [statusAnswer("3.4.23", [])] }],
    ["Authenticate", { ...healthy, "Auth/Authenticate": empty }],
  ])("to %s, when it lets nobody in", async (_, answers) => {
    const server = await scriptedEtcd(answers);
    const credentials = { user: "alice", password: "geheim" };
    const client = new EtcdClient({ endpoints: server.endpoint, credentials });
    cleanups.push(
      () => server[Symbol.dispose](),
      () => client.close(),
    );
    const ready = client.ready(AbortSignal.timeout(20_000));
    await expect(ready).rejects.toMatchObject(wrongServer(server.endpoint, "header"));
  });

  // 10 watch_id, 18 created
  test.each([
    ["that a watch is there", [nothing, bytes(0x10, 1, 0x18, 1)]],
    ["that nothing happened", [bytes(...header, 0x10, 1, 0x18, 1), bytes(0x10, 1)]],
  ])("that tells %s", async (_, answers) => {
    const { client, wrong } = await open({ "Watch/Watch": () => answers });
    const { told, ended } = watch(client);
    await waitFor(() => ended() !== undefined, { timeoutMs: 20_000 });
    expect(ended()).toMatchObject(wrong);
    expect(told.length).toBeLessThan(2);
  });

  test("that keeps a lease alive: the next answer is asked for anew", async () => {
    // 10 ID, 18 TTL
    const grant = bytes(...header, 0x10, 7, 0x18, 1);
    const answers = [bytes(0x10, 7, 0x18, 1), bytes(...header, 0x10, 7, 0x18, 60)];
    const { client, server, log } = await open({
      "Lease/LeaseGrant": () => [grant],
      "Lease/LeaseKeepAlive": () => answers.splice(0, 1),
      "Lease/LeaseRevoke": whole,
    });
    const lease = new KeptLease(client, 1);
    cleanups.push(() => lease[Symbol.asyncDispose]());
    lease.want();
    await waitFor(() => server.asked("Lease/LeaseKeepAlive") === 2, { timeoutMs: 20_000 });
    const told = log.entries.find(({ message }) => message === "the lease is not sure, trying again");
    expect(told?.fields).toMatchObject({
      err: { code: "UNAVAILABLE", cause: wrongServer(server.endpoint, "header") },
    });
  });
});

test("an event without its key ends the watch with a code, where it would end the process", async () => {
  const created = bytes(...header, 0x10, 1, 0x18, 1);
  // 5a event { 08 type 1 }
  const event = bytes(...header, 0x10, 1, 0x5a, 2, 0x08, 1);
  const { client, server } = await open({ "Watch/Watch": () => [created, event] });
  const { told, ended } = watch(client);
  await waitFor(() => ended() !== undefined, { timeoutMs: 20_000 });
  expect(ended()).toMatchObject(wrongServer(server.endpoint, "key in an event"));
  expect(told).toEqual(["created 5"]);
});

test("a watch that is refused has no header through etcd's own proxy: the reason is told all the same", async () => {
  // 20 canceled
  const { client } = await open({ "Watch/Watch": () => [bytes(0x18, 1, 0x20, 1)] });
  const { ended } = watch(client);
  await waitFor(() => ended() !== undefined, { timeoutMs: 20_000 });
  expect(ended()).toMatchObject({
    code: "SERVER_ERROR",
    message: expect.stringContaining("the watch was ended"),
  });
});

test("bytes that are no message are an error with a code, in answers and in streams", async () => {
  const garbage: Answers = () => [bytes(0xff, 0xff)];
  const { client } = await open({ "KV/Put": garbage, "Watch/Watch": garbage });
  await expect(client.put("/a", "v")).rejects.toMatchObject({ name: "EtcdError", code: "SERVER_ERROR" });
  const { ended } = watch(client);
  await waitFor(() => ended() !== undefined, { timeoutMs: 20_000 });
  expect(ended()).toMatchObject({ name: "EtcdError", code: "SERVER_ERROR" });
});

test("who watches keys is told when the first list is wrong, and goes on when a watch is", async () => {
  const signal = AbortSignal.timeout(50_000);
  const bad = await open({ "KV/Range": empty });
  await expect(watchKeys(bad.client, { prefix: "/a/" }, { signal }).next()).rejects.toMatchObject(bad.wrong);
  const lists: Answers = () => [bytes(...header)];
  const good = await open({ "KV/Range": lists, "Watch/Watch": empty });
  const watching = watchKeys(good.client, { prefix: "/a/" }, { signal });
  expect((await watching.next()).value).toMatchObject({ revision: 5n });
  const pending = watching.next();
  await waitFor(() => good.server.asked("Watch/Watch") >= 2, { timeoutMs: 20_000 });
  await good.client.close();
  await expect(pending).rejects.toMatchObject({ code: "CLOSED" });
});

test("a key with a lease says that the server is none", async () => {
  const { client, wrong } = await open({
    "Lease/LeaseGrant": () => [bytes(...header, 0x10, 7, 0x18, 60)],
    "Lease/LeaseRevoke": whole,
    "KV/Range": whole,
    "KV/Txn": empty,
    "KV/Put": empty,
  });
  const lease = new KeptLease(client, 60);
  const key = new LeasedKey(client, { key: "/a", value: Buffer.from("v"), lease });
  cleanups.push(
    () => lease[Symbol.asyncDispose](),
    () => key[Symbol.asyncDispose](),
  );
  await expect(key.update(Buffer.from("w"), AbortSignal.timeout(20_000))).rejects.toMatchObject(wrong);
});

test("a lease of no time is refused, one of all time is kept without a hurry", async () => {
  const forever = [0x18, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x3f];
  let ttl = [0x18, 0];
  const { client, server, log } = await open({
    "Lease/LeaseGrant": () => [bytes(...header, 0x10, 7, ...ttl)],
    "Lease/LeaseKeepAlive": () => [bytes(...header, 0x10, 7, ...forever)],
    "Lease/LeaseRevoke": whole,
  });
  await expect(client.grantLease(5)).rejects.toMatchObject({ name: "EtcdError", code: "SERVER_ERROR" });
  ttl = forever;
  const waits: number[] = [];
  const { clock } = client.environment;
  const watched = {
    ...clock,
    setTimeout: (...args: Parameters<typeof clock.setTimeout>) => {
      waits.push(args[1]);
      return clock.setTimeout(...args);
    },
  };
  const slow = new EtcdClient({ endpoints: server.endpoint, clock: watched, log });
  cleanups.push(() => slow.close());
  await slow.ready(AbortSignal.timeout(20_000));
  const lease = new KeptLease(slow, 5);
  cleanups.push(() => lease[Symbol.asyncDispose]());
  waits.length = 0; // of the connection
  lease.want();
  await waitFor(() => waits.some((ms) => ms > 500_000_000), { timeoutMs: 20_000 });
  expect(Math.max(...waits)).toBeLessThanOrEqual(0x7fff_ffff);
});
