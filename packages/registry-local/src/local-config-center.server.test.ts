import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { follow, waitFor } from "@dubbo-ts/testkit";
import { joinLocalRegistry } from "./local-registry.js";
import { startNacosServer } from "./server/nacos-server.js";

const { signal } = new AbortController();

test("settings outlive the process that serves them, and watches go on with the next one", async () => {
  const folder = await mkdtemp(join(tmpdir(), "dubbo-ts-local-"));
  try {
    const free = await startNacosServer({ port: 0 });
    await free[Symbol.asyncDispose]();
    const options = { port: free.port, dataFile: join(folder, "configs.json") };
    const first = await joinLocalRegistry(options);
    await using second = await joinLocalRegistry(options);
    expect([first.serving, second.serving]).toEqual([true, false]);
    expect(second.configCenter.name).toBe(`local://127.0.0.1:${free.port}`);
    const item = { key: "demo-app.configurators", group: "dubbo" };
    await first.configCenter.publish(item, "1", signal, "absent");
    const seen = follow(second.configCenter.watch(item, signal));
    await waitFor(() => seen.latest?.text === "1");
    await first[Symbol.asyncDispose]();
    await waitFor(() => second.serving, { timeoutMs: 10_000 });
    await using third = await joinLocalRegistry(options);
    const version = (await third.configCenter.get(item, signal))?.version ?? "";
    expect(await third.configCenter.publish(item, "2", signal, { version })).toBe(true);
    await waitFor(() => seen.latest?.text === "2", { timeoutMs: 10_000 });
    expect(seen.values.map((record) => record?.text)).toEqual(["1", "2"]);
  } finally {
    await rm(folder, { recursive: true });
  }
}, 60_000);
