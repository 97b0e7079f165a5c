import { Duplex } from "node:stream";
import { fakeClock } from "@dubbo-ts/testkit";
import { Beats } from "./http/beats.js";
import { ConfigPoll, type Listened } from "./http/config-poll.js";
import { HttpCaller } from "./http/http-caller.js";
import { HttpNaming } from "./http/http-naming.js";
import type { NacosError } from "./nacos-error.js";
import type { NacosHttpRequest, NacosNetwork } from "./network.js";
import { toSettings } from "./options.js";
import { PushStream } from "./push-stream.js";
import { type PayloadStream, Transport } from "./transport.js";

const { signal } = new AbortController();

describe("a stream whose server misbehaves", () => {
  const settings = toSettings({ servers: ["127.0.0.1"] });
  const push = { type: "NotifySubscriberRequest", headers: {}, body: { requestId: "1" } };

  /** @param takes whether the server reads what is written. */
  function open(takes: boolean) {
    const written: unknown[] = [];
    const stream = new Duplex({
      objectMode: true,
      read() {},
      write(message, _, done) {
        written.push(message);
        if (takes) done();
      },
    });
    const transport = { server: settings.servers[0], openStream: () => stream as unknown as PayloadStream };
    return { stream, written, pushes: new PushStream(transport as unknown as Transport, settings) };
  }
  function listen(pushes: PushStream) {
    const ends: NacosError[] = [];
    let count = 0;
    pushes.attach({ onPush: () => (count += 1), onReset() {}, onEnd: (reason) => ends.push(reason) });
    return { ends, count: () => count };
  }
  const settle = () => new Promise((resolve) => setImmediate(resolve));

  test("who pushes and does not take the answers is not read any further, and answers do not pile up", async () => {
    const { stream, pushes } = open(false);
    const { count } = listen(pushes);
    for (let times = 0; times < 1_000; times += 1) stream.push(push);
    await settle();
    expect(count()).toBeLessThan(50);
    expect(stream.writableLength).toBeLessThan(50);
  });

  test("who takes the answers is read to the end, however much comes at once", async () => {
    const { stream, written, pushes } = open(true);
    const { count } = listen(pushes);
    for (let times = 0; times < 1_000; times += 1) stream.push(push);
    for (let rounds = 0; rounds < 1_000 && written.length < 1_000; rounds += 1) await settle();
    expect([count(), written.length]).toEqual([1_000, 1_000]);
  });

  test("who pushes without end before the set-up is over is left", async () => {
    const { stream, pushes } = open(true);
    for (let times = 0; times < 5_000; times += 1) stream.push(push);
    for (let rounds = 0; rounds < 5_000 && stream.readableLength > 0; rounds += 1) await settle();
    const { ends, count } = listen(pushes);
    expect(count()).toBeLessThanOrEqual(1_000);
    expect(ends).toMatchObject([{ code: "UNAVAILABLE" }]);
  });

  test("that it broke before anybody listened is told to who does", async () => {
    const { stream, pushes } = open(true);
    stream.destroy(new Error("gone"));
    await settle();
    expect(listen(pushes).ends).toMatchObject([{ code: "UNAVAILABLE" }]);
  });
});

test("a request on a transport that was closed is UNAVAILABLE, and its timer finds nothing to do", async () => {
  const clock = fakeClock();
  const settings = toSettings({ servers: ["127.0.0.1:1"], clock });
  const [server] = settings.servers;
  if (server === undefined) throw new Error("one");
  const transport = new Transport(server, settings);
  transport.close();
  await expect(transport.call("HealthCheckRequest", {})).rejects.toMatchObject({ code: "UNAVAILABLE" });
  expect(clock.pendingTimers).toBe(0);
  await clock.advance(10_000);
});

describe("over HTTP", () => {
  const clock = fakeClock();

  /** Answers everything with `text`, and counts. */
  function caller(text: string) {
    const requests: NacosHttpRequest[] = [];
    const network: NacosNetwork = {
      http: async (request) => {
        requests.push(request);
        return { status: 200, headers: {}, text };
      },
      udp: () => Promise.reject(new Error("no UDP")),
    };
    const settings = toSettings({ servers: ["127.0.0.1:1"], clock, network, random: () => 1 });
    const [server] = settings.servers;
    if (server === undefined) throw new Error("one");
    return { requests, http: new HttpCaller(server, "config", settings) };
  }

  test.each([
    ["nothing", ""],
    ["what nobody listens to", "other%02g%01"],
  ])("a server that answers at once, with %s, is not asked again and again", async (_, text) => {
    const { requests, http } = caller(text);
    const poll = new ConfigPoll(http, () => {});
    const key: Listened = { dataId: "d", group: "g", tenant: "", md5: "" };
    await poll.listen([key], {}, signal);
    for (let seconds = 0; seconds < 60; seconds += 1) await clock.advance(1_000);
    poll.close();
    await clock.flush();
    await poll.ended();
    expect(requests.length).toBeGreaterThan(5);
    expect(requests.length).toBeLessThan(25);
  });

  test.each([1, 1e15])(
    "a server that wants a beat every %d ms gets them at a bearable pace",
    async (wanted) => {
      const { requests, http } = caller(JSON.stringify({ clientBeatInterval: wanted }));
      const base = { namespace: "public", groupName: "g", serviceName: "s" };
      const longest: number[] = [];
      const setTimeout = clock.setTimeout.bind(clock);
      jest.spyOn(clock, "setTimeout").mockImplementation((callback, delayMs, options) => {
        longest.push(delayMs);
        return setTimeout(callback, delayMs, options);
      });
      const beats = new Beats(http, base, { ip: "10.0.0.1", port: 1 }, () => Promise.resolve());
      for (let tenths = 0; tenths < 200; tenths += 1) await clock.advance(100);
      await beats.stop();
      expect(requests.length).toBeGreaterThan(0);
      expect(requests.length).toBeLessThan(200);
      expect(Math.max(...longest)).toBeLessThan(2 ** 31); // a timer of more fires at once
      jest.restoreAllMocks();
    },
  );
});

test("a pushed datagram only makes the list be read again, seldom, and not at a stranger's word", async () => {
  const clock = fakeClock();
  const requests: NacosHttpRequest[] = [];
  let send: ((data: Buffer, from: { address: string; port: number }) => void) | undefined;
  const network: NacosNetwork = {
    http: async (request) => {
      requests.push(request);
      return { status: 200, headers: {}, text: '{"name":"g@@s","hosts":[],"lastRefTime":7}' };
    },
    udp: async (onMessage) => {
      send = onMessage;
      return { port: 1, send: () => {}, close: () => Promise.resolve() };
    },
  };
  const settings = toSettings({ servers: ["127.0.0.1:1"], clock, network });
  const [server] = settings.servers;
  if (server === undefined) throw new Error("one");
  const pushed: unknown[] = [];
  const naming = new HttpNaming(new HttpCaller(server, "naming", settings), ({ body }) => pushed.push(body));
  const base = { namespace: "public", groupName: "g", serviceName: "s", subscribe: true };
  await naming.handle("SubscribeServiceRequest", base, {}, signal);
  const data = JSON.stringify({ name: "g@@s", hosts: [{ ip: "6.6.6.6", port: 6 }], lastRefTime: 9e15 });
  const bytes = Buffer.from(JSON.stringify({ type: "dom", data, lastRefTime: 1 }));
  for (let times = 0; times < 100; times += 1) send?.(bytes, { address: "10.6.6.6", port: 6 });
  await clock.flush();
  expect(requests).toHaveLength(1);
  for (let times = 0; times < 100; times += 1) send?.(bytes, { address: "127.0.0.1", port: 6 });
  await clock.flush();
  expect(requests).toHaveLength(2);
  expect(pushed).toEqual([{ serviceInfo: { name: "g@@s", hosts: [], lastRefTime: 7 } }]);
  for (let times = 0; times < 100; times += 1) send?.(bytes, { address: "127.0.0.1", port: 6 });
  await clock.flush();
  expect(requests).toHaveLength(2);
  await clock.advance(500);
  expect(requests).toHaveLength(3);
  naming.close();
  await clock.flush();
  await naming.ended();
});
