import { setMaxListeners } from "node:events";
import {
  faultProxy,
  nacosAvailable,
  type NacosServer,
  realServer,
  startNacos,
  waitFor,
} from "@dubbo-ts/testkit";
import { nacosConfig } from "./nacos-config.js";
import { type NacosNaming, nacosNaming } from "./nacos-naming.js";
import type { NacosOptions } from "./options.js";
import type { ServiceSnapshot } from "./subscription.js";
import { Reading } from "./test-support.js";

/** Defines a test, or none where the other version of the server does the same. */
type OneVersion = (name: string, body: () => Promise<void>, timeoutMs?: number) => void;

const forever = new AbortController().signal;
setMaxListeners(0, forever);
const at = (port: number) => ({ ip: "10.0.0.1", port });
const portsOf = (snapshot: ServiceSnapshot | undefined) => snapshot?.hosts.map(({ port }) => port).join();
const within = (timeoutMs: number) => ({ timeoutMs, intervalMs: 20 });
let services = 0;
const newService = () => ({ name: `svc-${process.pid}-${++services}` });

for (const major of [3, 2] as const)
  realServer(`naming on a real Nacos ${major}`, nacosAvailable(major), () => {
    let server: NacosServer;
    let closers: AsyncDisposable[] = [];

    beforeAll(async () => {
      server = await startNacos({ major });
    }, 300_000);
    afterAll(async () => {
      await server?.[Symbol.asyncDispose]();
    }, 30_000);
    afterEach(async () => {
      await Promise.all(closers.map((one) => one[Symbol.asyncDispose]()));
      closers = [];
    });

    function client(options: Partial<NacosOptions> = {}): NacosNaming {
      const naming = nacosNaming({ servers: [server.address], ...options });
      closers.push(naming);
      return naming;
    }

    for (const transport of ["grpc", "http"] as const) {
      test(`over ${transport}: what is registered is pushed, several of one service are merged, and the last one to leave is seen`, async () => {
        const service = newService();
        const [provider, consumer] = [client({ transport }), client({ transport })];
        const seen = new Reading(consumer.subscribe(service, forever));
        await waitFor(() => portsOf(seen.last) === "", within(20_000));
        await provider.register(service, { ...at(1), weight: 2.5, metadata: { zone: "ä" } }, forever);
        await waitFor(() => portsOf(seen.last) === "1", within(15_000));
        expect(seen.last?.hosts[0]).toMatchObject({ weight: 2.5, metadata: { zone: "ä" }, ephemeral: true });
        await provider.registerBatch(service, [at(2), { ...at(3), weight: 0 }], forever);
        await waitFor(() => portsOf(seen.last) === "1,2,3", within(15_000));
        expect([1, 2]).toContain((await consumer.pick(service, forever))?.port);
        await provider.deregister(service, at(2), forever);
        await waitFor(() => portsOf(seen.last) === "1,3", within(15_000));
        expect(await consumer.services(forever)).toContain(service.name);
        expect(provider.state).toMatchObject({ status: "connected", protocol: transport });
        await provider.close();
        await waitFor(() => portsOf(seen.last) === "" && seen.last?.settled, within(15_000));
      }, 60_000);

      test(`over ${transport}: a persistent instance stays when its client is gone, until somebody withdraws it`, async () => {
        const service = newService();
        const lasting = { ...at(9), ephemeral: false };
        await using first = nacosNaming({ servers: [server.address], transport });
        await first.register(service, lasting, forever);
        await first.close();
        const second = client({ transport });
        const listed = async () => (await second.query(service, forever)).hosts;
        await waitFor(async () => (await listed()).length === 1, within(20_000));
        expect((await listed())[0]).toMatchObject({ port: 9, ephemeral: false });
        await second.deregister(service, lasting, forever);
        await waitFor(async () => (await listed()).length === 0, within(20_000));
      }, 60_000);
    }

    test("over http: beats keep an instance, and bring it back when the server has dropped it", async () => {
      const service = newService();
      const metadata = {
        "preserved.heart.beat.interval": "2000",
        "preserved.heart.beat.timeout": "5000",
        "preserved.ip.delete.timeout": "7000",
      };
      const provider = client({ transport: "http", resyncMs: 600_000 });
      const consumer = client();
      await provider.register(service, { ...at(4), metadata }, forever);
      const seen = new Reading(consumer.subscribe(service, forever));
      await waitFor(() => portsOf(seen.last) === "4", within(20_000));
      const startMs = performance.now();
      await waitFor(() => performance.now() - startMs > 9_000, within(20_000)); // without beats it were gone by now
      const known = seen.seen.slice(seen.seen.findIndex(({ hosts }) => hosts.length > 0));
      expect(known.every(({ hosts }) => hosts.length === 1 && hosts[0]?.healthy)).toBe(true);
      const query = { serviceName: service.name, ip: "10.0.0.1", port: 4, ephemeral: true };
      // A beat that comes before the server's push hides it: then it is dropped once more.
      const dropped = async () => {
        await server.admin.call("DELETE", "v1/ns/instance", query);
        return waitFor(() => portsOf(seen.last) === "", within(1_500));
      };
      await waitFor(dropped, { timeoutMs: 40_000, intervalMs: 100 });
      await waitFor(() => portsOf(seen.last) === "4", within(15_000));
    }, 90_000);

    test("an operator's weight arrives, and an instance that he disabled is not fought for", async () => {
      const service = newService();
      const [provider, consumer] = [client(), client()];
      await provider.register(service, at(5), forever);
      const seen = new Reading(consumer.subscribe(service, forever));
      await waitFor(() => portsOf(seen.last) === "5", within(20_000));
      const change = { serviceName: service.name, ip: "10.0.0.1", port: 5 };
      await server.admin.updateInstance({ ...change, weight: 7 });
      await waitFor(() => seen.last?.hosts[0]?.weight === 7, within(20_000));
      await server.admin.updateInstance({ ...change, enabled: false });
      await waitFor(() => portsOf(seen.last) === "", within(20_000));
    }, 60_000);

    test("a namespace is a world of its own", async () => {
      const service = newService();
      const [here, there] = [client(), client({ namespace: "ns-other" })];
      await there.register(service, at(6), forever);
      await waitFor(async () => (await there.query(service, forever)).hosts.length === 1, within(20_000));
      expect((await here.query(service, forever)).hosts).toEqual([]);
    }, 60_000);

    if (major === 3)
      test("services that fit a pattern are followed as they come and go", async () => {
        const [provider, consumer] = [client(), client()];
        const prefix = newService().name;
        const [a, b] = [{ name: `${prefix}-fz-a` }, { name: `${prefix}-fz-b` }];
        await provider.register(a, at(1), forever);
        const seen = new Reading(consumer.watchServices({ name: `${prefix}-fz*` }, forever));
        const names = () => seen.last?.map(({ name }) => name.slice(-1)).join();
        await waitFor(() => names() === "a", within(20_000));
        await provider.register(b, at(1), forever);
        await waitFor(() => names() === "a,b", within(20_000));
        await provider.deregister(a, undefined, forever);
        await waitFor(() => names() === "b", within(20_000));
      }, 60_000);
    else
      test("a server that knows no fuzzy watches says so, once", async () => {
        await expect(new Reading(client().watchServices({}, forever)).done).rejects.toMatchObject({
          code: "UNSUPPORTED",
        });
      }, 60_000);

    test("the server sends a client away: it comes back, and nobody misses its instances", async () => {
      const service = newService();
      const [provider, consumer] = [client(), client()];
      await provider.register(service, at(7), forever);
      const seen = new Reading(consumer.subscribe(service, forever));
      await waitFor(() => portsOf(seen.last) === "7", within(20_000));
      const before = provider.state.connectionId;
      await server.admin.reloadClient(before ?? "", "");
      await waitFor(
        () => provider.state.status === "connected" && provider.state.connectionId !== before,
        within(20_000),
      );
      await waitFor(async () => (await consumer.query(service, forever)).hosts.length === 1, within(20_000));
      const known = seen.seen.slice(seen.seen.findIndex(({ hosts }) => hosts.length > 0));
      expect(known.some(({ hosts }) => hosts.length === 0)).toBe(false);
    }, 60_000);

    test("what is too much is refused before or by the server, with a typed error, and the connection lives on", async () => {
      const naming = client();
      const tooLong = { ...at(8), metadata: { k: "v".repeat(1_024) } };
      await expect(naming.register(newService(), tooLong, forever)).rejects.toMatchObject({
        code: "INVALID",
      });
      // 2.3 has no limit of its own for a batch but that of gRPC.
      const many = Array.from({ length: 12_000 }, (_, port) => ({
        ...at(port),
        metadata: { k: "v".repeat(900) },
      }));
      const limit = AbortSignal.timeout(20_000);
      await expect(naming.registerBatch(newService(), many, limit)).rejects.toMatchObject({
        code: "INVALID",
      });
      expect((await naming.query(newService(), forever)).hosts).toEqual([]);
    }, 60_000);

    // Our own doing, whichever version it is: one is enough.
    const onOld: OneVersion = major === 2 ? test : () => undefined;
    const onNew: OneVersion = major === 3 ? test : () => undefined;

    onNew(
      "idle clients stay what they are, a black hole is noticed, and heals",
      async () => {
        const service = newService();
        await using proxy = await faultProxy({ host: "127.0.0.1", port: server.grpcPort });
        const idle = Array.from({ length: 5 }, () => client());
        await Promise.all(idle.map((one) => one.ready(forever)));
        const ids = idle.map(({ state }) => state.connectionId);
        const startMs = performance.now();
        const provider = client({ servers: [proxy.address], grpcPortOffset: 0 });
        await provider.register(service, at(1), forever);
        const before = provider.state.connectionId;
        await proxy.setMode("blackhole");
        const failure = await provider.query(service, forever).catch((error: unknown) => error);
        expect(failure).toMatchObject({ code: expect.stringMatching(/UNAVAILABLE|TIMEOUT/) as string });
        await waitFor(() => provider.state.status === "connecting", within(30_000));
        await proxy.setMode("pass");
        await waitFor(() => provider.state.status === "connected", within(15_000));
        expect(provider.state.connectionId).not.toBe(before);
        await waitFor(async () => (await idle[0]?.query(service, forever))?.hosts.length, within(15_000));
        // A server asks after 20 s of silence, looks every 3 s, and waits 5 s for the answer.
        await waitFor(() => performance.now() - startMs > 30_000, within(60_000));
        expect(idle.map(({ state }) => state.connectionId)).toEqual(ids);
      },
      150_000,
    );

    test("killed and started again: all registrations, subscriptions and listeners are back within 5 s, and no list was short", async () => {
      const known = Array.from({ length: 20 }, newService);
      const provider = client();
      const consumer = client();
      const config = nacosConfig({ servers: [server.address] });
      closers.push(config);
      await Promise.all(known.map((service) => provider.registerBatch(service, [at(1), at(2)], forever)));
      const readings = known.map((service) => new Reading(consumer.subscribe(service, forever)));
      await waitFor(() => readings.every(({ last }) => portsOf(last) === "1,2"), within(15_000));
      await waitFor(() => readings.every(({ last }) => last?.settled), within(20_000));
      const key = { dataId: newService().name };
      await config.publish(key, "before", { casMd5: "" }, forever);
      const texts = new Reading(config.watch(key, forever));
      await waitFor(() => texts.last === "before", within(20_000));
      const listed = async ({ name: serviceName }: { name: string }) =>
        (await server.admin.instances({ serviceName })).length === 2;
      // A machine that is busy with something else at that moment gets another chance.
      const backMs: number[] = [];
      while (backMs.length < 3 && backMs.every((ms) => ms >= 5_000)) {
        await server.kill("SIGKILL");
        await waitFor(() => provider.state.status === "connecting", within(20_000));
        await server.restart();
        const readyMs = performance.now();
        for (const service of known) await waitFor(() => listed(service), within(30_000));
        backMs.push(performance.now() - readyMs);
      }
      expect(Math.min(...backMs)).toBeLessThan(5_000);
      expect(provider.state.protocol).toBe("grpc");
      const late = known[0] ?? newService();
      await provider.registerBatch(late, [at(3)], forever);
      await waitFor(() => portsOf(readings[0]?.last) === "1,2,3", within(15_000));
      await config.publish(key, "after", {}, forever);
      await waitFor(() => texts.last === "after", within(15_000));
      const short = readings.flatMap(({ seen }) =>
        seen
          .slice(seen.findIndex((snapshot) => portsOf(snapshot) === "1,2"))
          .filter(({ hosts, settled }) => settled && hosts.length < 2),
      );
      expect(short).toEqual([]);
      expect(texts.seen).toEqual(["before", "after"]);
    }, 600_000);

    onOld(
      "a server that is stopped (SIGSTOP) is given up in time, requests fail typed, and all is back when it goes on",
      async () => {
        const service = newService();
        const naming = client();
        await naming.register(service, at(1), forever);
        await server.kill("SIGSTOP");
        try {
          const startMs = performance.now();
          const failure = await naming.query(service, forever).catch((error: unknown) => error);
          expect(failure).toMatchObject({ code: expect.stringMatching(/UNAVAILABLE|TIMEOUT/) as string });
          expect(performance.now() - startMs).toBeLessThan(25_000);
          await waitFor(() => naming.state.status === "connecting", within(30_000));
        } finally {
          await server.kill("SIGCONT");
        }
        await waitFor(() => naming.state.status === "connected", within(20_000));
        await waitFor(async () => (await naming.query(service, forever)).hosts.length === 1, within(20_000));
      },
      300_000,
    );
  });
