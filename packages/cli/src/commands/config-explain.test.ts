import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { World } from "../test-support.js";

let world: World;
let folder: string;
let file: string;

beforeEach(() => {
  world = new World();
  folder = mkdtempSync(join(tmpdir(), "explain-"));
  file = join(folder, "dubbo.yaml");
  writeFileSync(
    file,
    "application: shop\nconsumer:\n  timeout: 3s\nprovider:\n  token: hush\nregistries: { main: 'nacos://me:hidden@h:1' }\n",
  );
});

afterEach(async () => {
  await world[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true });
});

const explain = (...args: string[]) =>
  world.run(["config", "explain", ...args, "--config", file], { env: { DUBBO_CONSUMER_RETRIES: "4" } });
const lines = (text: string) => text.split("\n").map((line) => line.replace(/ +/g, " "));
const publish = (text: string) => world.place().settings?.publish(settings, text, AbortSignal.timeout(5_000));
const settings = { key: "dubbo.properties", group: "dubbo" };

test("shows of a key its value, where it came from, what it covers, and whether it needs a restart", async () => {
  await publish("dubbo.consumer.timeout=700\n");
  const ran = await explain("consumer.timeout");
  expect(ran).toMatchObject({ code: 0, err: "" });
  expect(lines(ran.out)).toEqual([
    "KEY VALUE FROM SOURCE CHANGES",
    "consumer.timeout 700 config-center memory:// dubbo.properties (group dubbo):1:1 live",
    ` covers 3s file ${file}:3:3`,
  ]);
  const offline = await explain("dubbo.consumer.time-out", "--offline");
  expect(lines(offline.out)[1]).toBe(`consumer.timeout 3s file ${file}:3:3 live`);
});

test("shows everything that is set or has a default, secrets as stars, and JSON for programs", async () => {
  const ran = await explain();
  expect(lines(ran.out)).toContain(`application.name shop file ${file}:1:14 at restart`);
  expect(lines(ran.out)).toContain(
    "consumer.retries 4 environment environment variable DUBBO_CONSUMER_RETRIES live",
  );
  expect(lines(ran.out)).toContain("logger.level info default live");
  expect(ran.out).toContain("***");
  expect(ran.out).not.toMatch(/hush|hidden/);
  const json = (await explain("consumer", "--json")).json();
  expect(json).toContainEqual({
    key: "consumer.retries",
    value: "4",
    layer: "environment",
    source: "environment variable DUBBO_CONSUMER_RETRIES",
    hot: true,
    covers: [],
  });
});

test("says what the config center says wrongly, and what is not there", async () => {
  await publish("dubbo.consumer.timeout=soon\n");
  const ran = await explain("consumer.timeout");
  expect(ran.err).toContain(
    'consumer.timeout: a setting of the config center was refused: "soon" is no duration',
  );
  expect(lines(ran.out)[1]).toContain("consumer.timeout 3s file");
  expect((await explain("consumer.group")).out).toContain("(not set)");
  expect(await explain("consumer.tiemout")).toMatchObject({ code: 3 });
  expect(await world.run(["config", "explain", "--config", join(folder, "none.yaml")])).toMatchObject({
    code: 1,
  });
});
