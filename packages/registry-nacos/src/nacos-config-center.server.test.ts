import { readFileSync } from "node:fs";
import { join } from "node:path";
import { setMaxListeners } from "node:events";
import { nacosConfig } from "@dubbo-ts/nacos-client";
import { startNacosServer } from "@dubbo-ts/registry-local";
import { nacosAvailable, type NacosMajor, realServer, startNacos, waitFor } from "@dubbo-ts/testkit";
import { nacosConfigCenter, openNacos } from "./nacos-connection.js";

/** What programs on Apache Dubbo for Java 3.3.6 ask a Nacos for. */
const { items } = JSON.parse(readFileSync(join(__dirname, "fixtures", "java-config-items.json"), "utf8")) as {
  readonly items: readonly { readonly dataId: string; readonly group: string }[];
};

const { signal } = new AbortController();
setMaxListeners(0, signal);

/** One server, of whatever kind. */
interface Place extends AsyncDisposable {
  readonly port: number;
}

const places: readonly (readonly [string, () => Promise<Place>])[] = [
  ["the embedded registry", () => startNacosServer({ port: 0 })],
];

describe.each(places)("on %s", (_, start) => tests(start, false));
for (const major of [3, 2] satisfies NacosMajor[])
  realServer(`on a real Nacos ${major}`, nacosAvailable(major), () =>
    tests(() => startNacos({ major }), true),
  );

function tests(start: () => Promise<Place>, keepsHistory: boolean): void {
  let server: Place;

  beforeAll(async () => {
    server = await start();
  }, 150_000);
  afterAll(() => server?.[Symbol.asyncDispose]());

  const center = (query = "") => nacosConfigCenter({ address: `nacos://127.0.0.1:${server.port}${query}` });
  const plainClient = () => nacosConfig({ servers: [`127.0.0.1:${server.port}`] });

  test("what we write is where Java asks for it, and what an operator writes there is read", async () => {
    await using ours = await center();
    await using client = plainClient();
    for (const { dataId, group } of items) {
      expect(await ours.publish({ key: dataId, group }, `${dataId} in ${group}`, signal)).toBe(true);
      expect((await client.get({ dataId, group }, signal))?.content).toBe(`${dataId} in ${group}`);
      await client.publish({ dataId, group }, "by an operator", {}, signal);
    }
    for (const { dataId: key, group } of items.slice(0, 3))
      for await (const record of ours.watch({ key, group }, signal))
        if (record?.text === "by an operator") break;
  }, 60_000);

  test("names are written as Java writes them, and what Nacos cannot keep is REGISTRY_REFUSED", async () => {
    await using ours = await center();
    await using client = plainClient();
    const item = { key: "shop/org.example.Outer$Inner:1.0.0.configurators", group: "a/b" };
    await ours.publish(item, "configVersion: v3.0", signal);
    const dataId = "shop-org.example.Outer___Inner:1.0.0.configurators";
    expect((await client.get({ dataId, group: "a-b" }, signal))?.content).toBe("configVersion: v3.0");
    const refused = { code: "REGISTRY_REFUSED", message: expect.stringMatching(/^nacos:\/\/127/) };
    for (const bad of [
      { key: "two words", group: "dubbo" },
      { key: "x".repeat(257), group: "dubbo" },
      { key: "k", group: "g".repeat(129) },
    ])
      await expect(ours.get(bad, signal)).rejects.toMatchObject(refused);
    await expect(ours.publish({ key: "k", group: "g" }, " ", signal)).rejects.toMatchObject(refused);
  }, 60_000);

  test("a namespace has items of its own, `public` is where Java is without one", async () => {
    const item = { key: "dubbo.properties", group: "namespaces" };
    await using named = await center("?namespace=ns-1");
    await using spelled = await center("?namespace=public");
    await using none = await center();
    await named.publish(item, "dubbo.a=named", signal);
    await none.publish(item, "dubbo.a=none", signal);
    expect((await spelled.get(item, signal))?.text).toBe("dubbo.a=none");
    expect((await named.get(item, signal))?.text).toBe("dubbo.a=named");
  }, 60_000);

  test(`earlier records ${keepsHistory ? "have the time of their writing" : "are none, which is said"}`, async () => {
    await using ours = await center();
    const item = { key: "dubbo.properties", group: "history" };
    const fromMs = Date.now();
    for (const text of ["1", "2"]) await ours.publish(item, text, signal);
    await ours.remove(item, signal);
    const read = async () => (await ours.history?.(item, signal)) ?? [];
    if (!keepsHistory) return expect(read()).rejects.toMatchObject({ code: "REGISTRY_REFUSED" });
    await waitFor(async () => (await read()).length === 2);
    const past = await read();
    expect(past.map(({ text }) => text)).toEqual(["2", "1"]);
    const [second = 0, first = 0] = past.map(({ writtenAtMs }) => writtenAtMs);
    expect(first).toBeGreaterThan(fromMs - 5_000);
    expect(second).toBeGreaterThanOrEqual(first);
    expect(second).toBeLessThan(Date.now() + 5_000);
  }, 60_000);

  test("it shares the connection of the metadata report, and ends alone", async () => {
    await using backend = await openNacos({ address: `nacos://127.0.0.1:${server.port}` });
    const { configCenter, metadataReport } = backend;
    await configCenter.publish({ key: "k", group: "shared" }, "text", signal);
    await configCenter[Symbol.asyncDispose]();
    const { applications } = await metadataReport.readMapping("org.example.Shared", signal);
    expect(applications.size).toBe(0);
  }, 60_000);
}
