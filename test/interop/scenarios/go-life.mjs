// Providers come and go while a consumer calls 200 times a second with the library's own settings: dubbo-go with
// dubbo-ts, both ways. No call may fail but for a fault of dubbo-go that the scenario names.
import { setTimeout as sleep } from "node:timers/promises";
import { freePort } from "@dubbo-ts/testkit";
import { Peer } from "../run/peer.mjs";

const perSecond = 200;
const interop = (name) => `org.example.interop.${name}`;

/** Long enough for a registry to tell, and for 500 calls in the new state. */
const settleMs = 2_500;
/** A session of dubbo-go's at ZooKeeper lasts 5 s: until then a killed one stays listed. */
const afterKillMs = 7_000;

/**
 * One for each direction and protocol: `{ key, registries, run({ registry, server, folder, awayMs }) }`. `run` gives
 * `{ calls, failed, errors, byLabel, steps }`: what the load saw, an error with the step in which it came, and what
 * each step was at which ms of the load. `fault` names dubbo-go's own where all that failed is its doing. `server` is the registry's, with `kill` and `restart`.
 */
export const goLife = ["dubbo", "tri"].flatMap((protocol) => [
  {
    key: `go>node ${protocol} life`,
    registries: ["zookeeper", "nacos", "etcd"],
    run: lifeOf("go", "node", protocol),
  },
  {
    key: `node>go ${protocol} life`,
    registries: ["zookeeper", "nacos", "etcd"],
    run: lifeOf("node", "go", protocol),
  },
]);

function lifeOf(provider, consumer, protocol) {
  return async ({ registry, server, folder, awayMs = 30_000 }) => {
    const life = new Life({ registry, folder, provider, consumer, protocol });
    try {
      return await tell(life, server, awayMs);
    } finally {
      await life.close();
    }
  };
}

async function tell(life, server, awayMs) {
  await life.begin();
  await life.step("a second instance joins", () => life.join("b"));
  await life.step("a third joins, two revisions side by side", () => life.join("c", "ExtraService"));
  await life.step("another service is exported at run time", () => life.exportExtra("a"));
  await life.step("one leaves in order", () => life.leave("b"));
  await life.step("one is killed", () => life.kill("c"), afterKillMs);
  await life.step("the registry is away", async () => {
    await server.kill("SIGKILL");
    await sleep(awayMs);
  });
  await life.step("the registry is back", () => server.restart(), afterKillMs);
  if (life.isDeaf) return life.end();
  await life.step("an instance joins afterwards", () => life.join("d"));
  await life.step("the first leaves", () => life.leave("a"));
  return life.end();
}

class Life {
  #providers = new Map();
  #consumer;
  #beginMs = 0;
  #steps = [];

  constructor(settings) {
    this.settings = settings;
  }

  /**
   * A consumer of dubbo-go on etcd never sees providers of an application that came after it (GB9), and hears nothing
   * any more once etcd was away (GB21): its watches end with the session.
   */
  get isDeaf() {
    const { registry, consumer } = this.settings;
    return consumer === "go" && registry.startsWith("etcd");
  }

  /** The consumer is first, where it can be. */
  async begin() {
    const { consumer } = this.settings;
    const isLast = this.isDeaf;
    if (isLast) await this.join("a");
    this.#consumer = await this.#start(consumer, { role: "consumer" }, "consumer");
    const load = this.#consumer.tell({ do: "load", perSecond }, 40_000);
    load.catch(() => {});
    if (!isLast) await this.join("a");
    await load;
    this.#beginMs = performance.now();
    await sleep(settleMs);
  }

  #start(language, more, name) {
    const { registry, folder, protocol, provider, consumer } = this.settings;
    const application = `${provider}-${consumer}-${protocol}-${name}`;
    return Peer.start(language, { registry, protocol, metadata: "local", application, ...more }, folder);
  }

  async step(name, act, waitMs = settleMs) {
    this.#steps.push({ name, atMs: Math.round(performance.now() - this.#beginMs) });
    await act();
    await sleep(waitMs);
  }

  async join(label, ...more) {
    const services = ["InteropService", ...more].map((name) => ({ interface: interop(name) }));
    const settings = { role: "provider", port: await freePort(), services, label };
    this.#providers.set(label, await this.#start(this.settings.provider, settings, "provider"));
  }

  async exportExtra(label) {
    await this.#providers.get(label).tell({ do: "export", interface: interop("ExtraService") });
    if (this.isDeaf) return;
    await this.#consumer.tell({ do: "load", interface: interop("ExtraService"), perSecond: 20 }, 40_000);
    await sleep(1_000);
    const seen = await this.#consumer.tell({ do: "loadStop", interface: interop("ExtraService") });
    if (seen.failed > 0) throw new Error(`the new service: ${seen.errors[0]}`);
  }

  async leave(label) {
    await this.#providers.get(label).stop();
    this.#providers.delete(label);
  }

  async kill(label) {
    await this.#providers.get(label).kill();
    this.#providers.delete(label);
  }

  async end() {
    const { calls, failed, errors, byLabel } = await this.#consumer.tell({ do: "loadStop" });
    const stepAt = (ms) => this.#steps.findLast(({ atMs }) => atMs <= ms)?.name ?? "the start";
    const named = errors.map((error) => `${stepAt(Number.parseInt(error, 10))}: ${error}`);
    const fault = this.#faultOf(named);
    return { calls, failed, errors: named, byLabel, steps: this.#steps, ...(fault && { fault }) };
  }

  #faultOf(errors) {
    const { consumer, registry } = this.settings;
    const isRestart = errors.length > 0 && errors.every((error) => error.startsWith("the registry is back"));
    if (consumer !== "go" || !registry.startsWith("nacos") || !isRestart) return undefined;
    return "GB22: the empty list that Nacos sends after its restart is believed for half a second";
  }

  async close() {
    await this.#consumer?.kill();
    await Promise.all([...this.#providers.values()].map((one) => one.kill()));
  }
}
