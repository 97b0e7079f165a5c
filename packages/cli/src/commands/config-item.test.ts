import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type ConfigCenter, memoryConfigCenter } from "@dubbo-ts/config";
import { abortable } from "@dubbo-ts/core";
import { waitFor } from "@dubbo-ts/testkit";
import { type Ran, World } from "../test-support.js";

let world: World;
beforeEach(() => {
  world = new World();
});
afterEach(() => world[Symbol.asyncDispose]());

const run = (...args: string[]) => world.run(["config", ...args]);
const never = new AbortController().signal;
const lines = (text: string) => text.split("\n").map((line) => line.replace(/ +/g, " "));

test("an item is written, printed, written over, listed as it was, and removed", async () => {
  expect(await run("get", "demo.configurators")).toMatchObject({
    code: 3,
    out: "",
    err: "dubbo/demo.configurators is not in memory://",
  });
  expect(await run("set", "demo.configurators", "a: 1\nb: 2\n")).toMatchObject({
    code: 0,
    out: "dubbo/demo.configurators is written in memory://",
  });
  expect(await run("get", "demo.configurators")).toMatchObject({ code: 0, out: "a: 1\nb: 2", err: "" });
  expect(await run("get", "demo.configurators", "--group", "demo")).toMatchObject({ code: 3 });
  expect((await run("set", "demo.configurators", "a: 3", "--json")).json()).toEqual({
    key: "demo.configurators",
    group: "dubbo",
    written: true,
  });
  expect((await run("get", "demo.configurators", "--json")).json()).toEqual({
    key: "demo.configurators",
    group: "dubbo",
    text: "a: 3",
    version: "2",
  });
  expect(lines((await run("history", "demo.configurators")).out)).toEqual([
    "WRITTEN VERSION TEXT",
    "- 1 a: 1 ...",
  ]);
  expect(await run("remove", "demo.configurators")).toMatchObject({ code: 0 });
  expect(await run("remove", "demo.configurators")).toMatchObject({ code: 3 });
  expect((await run("history", "demo.configurators", "--json")).json()).toHaveLength(2);
});

test("an item is written over one version only, or over none", async () => {
  expect(await run("set", "k", "1", "--if-absent")).toMatchObject({ code: 0 });
  expect(await run("set", "k", "2", "--if-absent")).toMatchObject({
    code: 1,
    err: "dubbo/k was not written: there is one already",
  });
  const { version } = (await run("get", "k", "--json")).json() as { version: string };
  expect(await run("set", "k", "2", "--if-version", version)).toMatchObject({ code: 0 });
  expect(await run("set", "k", "3", "--if-version", version)).toMatchObject({
    code: 1,
    err: expect.stringMatching(/somebody else has written it/),
  });
  expect((await run("get", "k")).out).toBe("2");
});

test("the text may come from a file; neither text nor file, or both, is wrong use", async () => {
  const folder = mkdtempSync(join(tmpdir(), "config-item-"));
  try {
    const file = join(folder, "rule.yaml");
    writeFileSync(file, "force: true\n");
    expect(await run("set", "k", "--file", file)).toMatchObject({ code: 0 });
    expect((await world.place().settings?.get({ key: "k", group: "dubbo" }, never))?.text).toBe(
      "force: true\n",
    );
    expect(await run("set", "k")).toMatchObject({ code: 2 });
    expect(await run("set", "k", "text", "--file", file)).toMatchObject({ code: 2 });
    expect(await run("set", "k", "--file", join(folder, "none"))).toMatchObject({ code: 2 });
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test("an item is watched until SIGINT, made and removed, for people and for programs", async () => {
  const settings = memoryConfigCenter("memory://watched");
  world.place().settings = { ...settings, [Symbol.asyncDispose]: async () => {} };
  const watched = async (...options: string[]): Promise<Ran> => {
    const stop = new AbortController();
    const out: string[] = [];
    const item = { key: "k", group: "dubbo" };
    settings.set(item, undefined);
    const ran = world.run(["config", "watch", "k", ...options], {
      out: (line) => void out.push(line),
      signal: stop.signal,
    });
    await waitFor(() => out.length === 1);
    settings.set(item, "1\u001b[2J");
    await waitFor(() => out.length > 1);
    settings.set(item, undefined);
    await waitFor(() => out.at(-1)?.match(/not there|null/));
    stop.abort();
    return { ...(await ran), out: out.join("\n") };
  };
  expect(await watched()).toMatchObject({
    code: 0,
    out: "dubbo/k is not there\ndubbo/k version 1\n1\ufffd[2J\ndubbo/k is not there",
  });
  expect((await watched("--json")).out.split("\n").map((line) => JSON.parse(line).text)).toEqual([
    null,
    "1\u001b[2J",
    null,
  ]);
});

test("a center without settings, without history, or without an answer says so", async () => {
  const plain = { ...memoryConfigCenter("plain://"), history: undefined } as unknown as ConfigCenter;
  world.place().settings = plain;
  expect(await run("history", "k")).toMatchObject({
    code: 2,
    err: "plain:// keeps no history that can be read",
  });
  world.place().settings = {
    ...plain,
    get: async (_item, signal) => abortable(new Promise(() => {}), signal),
  };
  const late = await run("get", "k", "--timeout", "50ms");
  expect(late).toMatchObject({ code: 1, err: "REGISTRY_UNAVAILABLE: plain://: no answer in 50 ms" });
  world.place().settings = undefined;
  expect(await run("get", "k")).toMatchObject({ code: 2, err: "what --registry names keeps no settings" });
});

test("the command explains itself, and is completed", async () => {
  for (const name of ["get", "set", "remove", "watch", "history"]) {
    expect((await run("--help")).out).toMatch(new RegExp(`^ {2}${name} \\[options\\] <key>`, "m"));
    expect((await run(name, "--help")).out).toMatch(new RegExp(`Examples:\\n {2}dubbo-ts config ${name} `));
  }
  expect(await run("nonsense")).toMatchObject({ code: 2 });
  const bash = (await world.run(["completion", "bash"])).out;
  expect(bash).toMatch(/config\) words="get set remove watch history.* --group .*--if-version/);
});
