import { setMaxListeners } from "node:events";
import { nacosAvailable, type NacosServer, realServer, startNacos, waitFor } from "@dubbo-ts/testkit";
import { md5Of } from "./config-key.js";
import { nacosAdmin } from "./nacos-admin.js";
import { type NacosConfig, nacosConfig } from "./nacos-config.js";
import type { NacosOptions } from "./options.js";
import { Reading } from "./test-support.js";

const forever = new AbortController().signal;
setMaxListeners(0, forever);
const within = (timeoutMs: number) => ({ timeoutMs, intervalMs: 20 });
let keys = 0;
const newKey = (group?: string) => ({
  dataId: `key-${process.pid}-${++keys}`,
  ...(group !== undefined && { group }),
});

for (const major of [3, 2] as const)
  realServer(`configurations on a real Nacos ${major}`, nacosAvailable(major), () => {
    let server: NacosServer;
    let closers: AsyncDisposable[] = [];

    beforeAll(async () => {
      server = await startNacos({ major });
      await server.admin.createNamespace("ns1");
    }, 300_000);
    afterAll(async () => {
      await server?.[Symbol.asyncDispose]();
    }, 30_000);
    afterEach(async () => {
      await Promise.all(closers.map((one) => one[Symbol.asyncDispose]()));
      closers = [];
    });

    function client(options: Partial<NacosOptions> = {}): NacosConfig {
      const config = nacosConfig({ servers: [server.address], ...options });
      closers.push(config);
      return config;
    }

    for (const transport of ["grpc", "http"] as const)
      for (const namespace of ["public", "ns1"])
        test(`over ${transport}, in ${namespace}: what is published is read and told to who watches, and so is its end`, async () => {
          const [writer, reader] = [client({ transport, namespace }), client({ transport, namespace })];
          const key = newKey("g:1");
          const seen = new Reading(reader.watch(key, forever));
          await waitFor(() => seen.seen.length === 1, within(20_000));
          expect(await writer.publish(key, "größe: 1\n", { type: "yaml" }, forever)).toBe(true);
          await waitFor(() => seen.last === "größe: 1\n", within(15_000));
          const value = await reader.get(key, forever);
          expect(value).toEqual({ content: "größe: 1\n", md5: md5Of("größe: 1\n") });
          expect(await writer.publish(key, "größe: 2\n", { casMd5: value?.md5 ?? "" }, forever)).toBe(true);
          expect(await writer.publish(key, "größe: 3\n", { casMd5: value?.md5 ?? "" }, forever)).toBe(false);
          expect(await writer.publish(key, "größe: 4\n", { casMd5: "" }, forever)).toBe(false);
          await waitFor(() => seen.last === "größe: 2\n", within(15_000));
          await writer.remove(key, forever);
          await waitFor(() => seen.last === undefined, within(15_000));
          expect(await reader.get(key, forever)).toBeUndefined();
          await writer.publish(key, "again", {}, forever);
          await waitFor(() => seen.last === "again", within(15_000));
          expect(writer.state.protocol).toBe(transport);
        }, 60_000);

    test("of ten who insert at once exactly one is told that it won, round after round", async () => {
      const writers = Array.from({ length: 10 }, () => client());
      for (let round = 0; round < 3; round += 1) {
        const key = newKey();
        const won = await Promise.all(
          writers.map((writer, at) => writer.publish(key, `writer ${at}`, { casMd5: "" }, forever)),
        );
        expect(won.filter(Boolean)).toHaveLength(1);
        expect((await writers[0]?.get(key, forever))?.content).toBe(`writer ${won.indexOf(true)}`);
      }
    }, 300_000);

    test("ten who add themselves to one list at once are all in it", async () => {
      const key = newKey();
      const add = async (writer: NacosConfig, name: string) => {
        for (;;) {
          const old = await writer.get(key, forever);
          const names = [...new Set([...(old?.content.split(",") ?? []), name])];
          if (await writer.publish(key, names.join(), { casMd5: old?.md5 ?? "" }, forever)) return;
        }
      };
      const writers = Array.from({ length: 10 }, () => client());
      await Promise.all(writers.map((writer, at) => add(writer, `w${at}`)));
      const all = async () => (await writers[0]?.get(key, forever))?.content.split(",").length === 10;
      await waitFor(all, within(20_000));
    }, 300_000);

    test("many keys share connections, each of which has its limit, and every change arrives", async () => {
      const [writer, reader] = [client(), client({ listenLimit: 20 })];
      const many = Array.from({ length: 50 }, () => newKey());
      const end = new AbortController();
      setMaxListeners(0, end.signal);
      const readings = many.map((key) => new Reading(reader.watch(key, end.signal)));
      await waitFor(() => readings.every(({ seen }) => seen.length === 1), within(15_000));
      await Promise.all(many.map((key, at) => writer.publish(key, `value ${at}`, {}, forever)));
      await waitFor(() => readings.every(({ last }, at) => last === `value ${at}`), within(15_000));
      end.abort();
      await Promise.all(readings.map(({ done }) => done));
    }, 60_000);

    test("an administrator finds namespaces, keys, and what a configuration was before", async () => {
      const [config, key] = [client(), newKey()];
      const admin = nacosAdmin({ servers: [server.address] });
      expect((await admin.namespaces(forever)).map(({ id }) => id).sort()).toEqual(["ns1", "public"]);
      await config.publish(key, "first", { description: "a test", tags: ["t"] }, forever);
      await waitFor(async () => (await config.get(key, forever))?.content === "first", within(30_000));
      await config.publish(key, "second", {}, forever);
      const filter = { dataId: `${key.dataId}*` };
      const found = async () => (await admin.searchConfigs(filter, forever)).items;
      await waitFor(async () => (await found()).length === 1, within(15_000));
      expect(await found()).toEqual([{ dataId: key.dataId, group: "DEFAULT_GROUP" }]);
      const history = await admin.history(key, {}, forever);
      expect(history.items.map(({ operation }) => operation)).toEqual(["U", "I"]);
      expect(await admin.version(key, history.items[0]?.id ?? "", forever)).toBe("first");
      expect(await admin.version(key, "999999", forever)).toBeUndefined();
      const { md5 } = (await admin.stored(key, forever)) ?? {};
      expect(await admin.stored(key, forever)).toEqual({ content: "second", md5 });
      expect(await config.publish(key, "third", { casMd5: md5 ?? "" }, forever)).toBe(true);
      expect(await admin.stored({ dataId: `${key.dataId}-absent` }, forever)).toBeUndefined();
    }, 60_000);

    if (major === 3)
      test("keys that fit a pattern are followed as they come and go, and stay the same objects", async () => {
        const config = client();
        const prefix = newKey().dataId;
        const [a, b] = [{ dataId: `${prefix}-fz-a` }, { dataId: `${prefix}-fz-b` }];
        const seen = new Reading(config.watchKeys({ dataId: `${prefix}-fz*` }, forever));
        const names = () => seen.last?.map(({ dataId }) => dataId.slice(-1)).join();
        await waitFor(() => names() === "", within(20_000));
        await config.publish(a, "1", {}, forever);
        await waitFor(() => names() === "a", within(20_000));
        await config.publish(b, "1", {}, forever);
        await waitFor(() => names() === "a,b", within(20_000));
        const second = seen.last?.[1];
        await config.publish(b, "2", {}, forever);
        await config.remove(a, forever);
        await waitFor(() => names() === "b", within(20_000));
        expect(seen.last?.[0]).toBe(second);
      }, 60_000);

    // Last: the server is busy with it for seconds.
    test("content of 9 MB passes, and more than gRPC carries is refused before it is sent", async () => {
      const [config, key] = [client({ requestTimeoutMs: 15_000 }), newKey()];
      const content = "x".repeat(9 * 1024 * 1024);
      const outcome = await config.publish(key, content, {}, forever).then(
        () => "published",
        (error: unknown) => error,
      );
      // The server's own limit for content is 10 MiB, its database's may be less: either way nothing hangs.
      if (outcome !== "published") expect(outcome).toMatchObject({ name: "NacosError" });
      await expect(config.publish(key, "x".repeat(11 * 1024 * 1024), {}, forever)).rejects.toMatchObject({
        code: "INVALID",
      });
      expect(await config.get(newKey(), forever)).toBeUndefined();
    }, 300_000);
  });
