import { silentLogger } from "@dubbo-ts/core";
import { sampleInstance } from "@dubbo-ts/testkit";
import { type Pass, type ZooKeeperClient, ZooKeeperError } from "@dubbo-ts/zookeeper-client";
import fc from "fast-check";
import { encodeInstanceJson } from "./instance-json.js";
import { InstanceReader } from "./instance-reader.js";

const path = "/services/app";

/** The nodes below `path`, in the order in which the server lists them, and a server that may refuse an answer. */
class Tree {
  readonly sessionId = 1n;
  readonly nodes = new Map<string, { readonly mzxid: bigint; readonly weight: number }>();
  readonly #changed = new Set<string>();
  /** Removed between the list and the reading of it, and made anew before the next list. */
  blinking: string | undefined;
  refusing = false;
  /** Nodes with data that nobody can read. */
  readonly garbled = new Set<string>();
  reads = 0;
  #zxid = 0n;

  put(name: string): void {
    this.#changed.add(this.nodes.has(name) ? `${path}/${name}` : path);
    this.#zxid += 1n;
    this.nodes.set(name, { mzxid: this.#zxid, weight: Number(this.#zxid) });
  }

  remove(name: string): void {
    if (!this.nodes.delete(name)) return;
    this.#changed.add(path).add(`${path}/${name}`);
  }

  /** What changed since it was asked last. */
  pass(full = false, resync = false): Pass {
    const changed = new Set(this.#changed);
    this.#changed.clear();
    return { full, resync, changed, watcher: { onEvent() {} }, signal: new AbortController().signal };
  }

  async getChildren() {
    return { children: [...this.nodes.keys()], stat: {} };
  }

  async getData(at: string) {
    this.reads += 1;
    const name = at.slice(path.length + 1);
    const node = this.nodes.get(name);
    if (this.refusing) throw new ZooKeeperError("TIMEOUT", "no answer");
    if (node === undefined || name === this.blinking) throw new ZooKeeperError("NO_NODE", "gone");
    if (this.garbled.has(name)) return { data: Buffer.from("?"), stat: { mzxid: node.mzxid } };
    const instance = sampleInstance({ host: name, startedAtMs: node.weight });
    return { data: encodeInstanceJson(instance, 0), stat: { mzxid: node.mzxid } };
  }

  get truth(): readonly string[] {
    return [...this.nodes].map(([name, { weight }]) => `${name} ${weight}`).sort();
  }
}

const readerOf = (tree: Tree) =>
  new InstanceReader(tree as unknown as ZooKeeperClient, "app", path, silentLogger);

test("what is read is what is there, whatever came, went, blinked or was refused in between", async () => {
  const event = fc.record({
    what: fc.constantFrom("put", "put", "put", "remove", "blink", "refuse", "full", "look"),
    name: fc.constantFrom("h1", "h2", "h3", "h4", "h5", "h6"),
  });
  const property = fc.asyncProperty(fc.array(event, { maxLength: 40 }), async (events) => {
    const tree = new Tree();
    const reader = readerOf(tree);
    let missed: Pass | undefined = tree.pass(true);
    const look = async (full = false) => {
      const { changed, ...rest } = tree.pass(full || missed?.full === true);
      const pass: Pass = { ...rest, changed: new Set([...changed, ...(missed?.changed ?? [])]) };
      missed = pass;
      const read = await reader.follow(pass);
      missed = undefined;
      return read.map(({ host, startedAtMs }) => `${host} ${startedAtMs}`).sort();
    };
    for (const { what, name } of events) {
      if (what === "put") tree.put(name);
      else if (what === "remove") tree.remove(name);
      else if (what === "full" || what === "look") expect(await look(what === "full")).toEqual(tree.truth);
      else if (what === "refuse") {
        tree.refusing = true;
        await look().catch(() => {});
        tree.refusing = false;
      } else {
        tree.put(name);
        tree.blinking = name;
        await look();
        tree.blinking = undefined;
        const after = [...tree.nodes];
        tree.remove(name);
        tree.nodes.clear();
        for (const [one, node] of after) tree.nodes.set(one, node); // at the same place as before
      }
    }
    expect(await look()).toEqual(tree.truth);
  });
  await fc.assert(property, { seed: 20, numRuns: 400 });
});

test("one that joins among many costs one read, one that leaves none", async () => {
  const tree = new Tree();
  for (let at = 0; at < 100; at += 1) tree.put(`h${at}`);
  const reader = readerOf(tree);
  expect(await reader.follow(tree.pass(true))).toHaveLength(100);
  tree.reads = 0;
  tree.put("new");
  expect(await reader.follow(tree.pass())).toHaveLength(101);
  expect(tree.reads).toBe(1);
  tree.remove("h50");
  expect(await reader.follow(tree.pass())).toHaveLength(100);
  expect(tree.reads).toBe(1);
});

test("one among many that cannot be read is left out until it can, and again after", async () => {
  const tree = new Tree();
  for (let at = 0; at < 100; at += 1) tree.put(`h${at}`);
  const reader = readerOf(tree);
  const hosts = async (full = false) => (await reader.follow(tree.pass(full))).map(({ host }) => host);
  const all = await hosts(true);
  for (const round of [1, 2]) {
    tree.garbled.add("h50");
    tree.put("h50");
    expect(await hosts()).toEqual(all.filter((host) => host !== "h50"));
    tree.garbled.clear();
    tree.put("h50");
    expect([round, ...(await hosts())]).toEqual([round, ...all]);
  }
});

test("routine looks read a tenth of the nodes each, and find in ten of them whatever was not told", async () => {
  const tree = new Tree();
  for (let at = 0; at < 100; at += 1) tree.put(`h${at}`);
  const reader = readerOf(tree);
  await reader.follow(tree.pass(true));
  for (let at = 0; at < 100; at += 1) tree.put(`h${at}`);
  tree.remove("h99");
  tree.pass(); // is not told
  const look = async () =>
    (await reader.follow(tree.pass(false, true))).map(({ host, startedAtMs }) => `${host} ${startedAtMs}`);
  tree.reads = 0;
  expect(await look()).toHaveLength(99);
  expect(tree.reads).toBeLessThanOrEqual(10);
  for (let turn = 0; turn < 9; turn += 1) await look();
  expect([...(await look())].sort()).toEqual(tree.truth);
});
