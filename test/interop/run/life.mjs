import { setTimeout as sleep } from "node:timers/promises";
import { freePort } from "@dubbo-ts/testkit";
import { servicesOf } from "./call-cells.mjs";
import { Peer } from "./peer.mjs";

const extra = { interface: "org.example.interop.ExtraService" };
const perSecond = 100;

/**
 * One provider's life, with calls of one consumer going on all the while: providers come, leave, are killed, change what
 * they offer, while the registry is there and while it is not. Tells `report(life, event, { calls, failed, … })`.
 */
export async function runLife(life, registry, folder, report) {
  const story = new Story(life, registry, folder, report);
  try {
    await story.run();
  } catch (error) {
    report(life, "story", { calls: 0, failed: 1, errors: [String(error.message ?? error)], byLabel: {} });
  } finally {
    await story.end();
  }
}

class Story {
  #peers = new Set();
  #consumer;

  constructor(life, registry, folder, report) {
    this.life = life;
    this.registry = registry;
    this.folder = folder;
    this.report = report;
  }

  get #common() {
    const { form, metadata } = this.life;
    return { registry: this.registry.url, protocol: form, metadata };
  }

  async run() {
    await this.#startsLast();
    await this.#twoInstances();
    await this.#killed();
    await this.#changes();
    await this.#twoApplications();
    await this.#registryAway();
    if (this.life.consumer !== "go") await this.#migration(); // dubbo-go reads one level only
  }

  async end() {
    await Promise.all([...this.#peers].map((peer) => peer.kill()));
  }

  async #start(language, settings) {
    const peer = await Peer.start(language, { ...this.#common, ...settings }, this.folder);
    this.#peers.add(peer);
    return peer;
  }

  async #provider(label, application = "life-provider", more = {}) {
    const services = servicesOf(this.life.form);
    const port = await freePort();
    const settings = { role: "provider", application, port, services, label, ...more };
    return this.#start(this.life.provider, settings);
  }

  async #gone(peer, how) {
    await peer[how]();
    this.#peers.delete(peer);
  }

  /** A consumer of dubbo-go hears of no change of a mapping on etcd. */
  get #isBlind() {
    return this.life.consumer === "go" && this.life.registry === "etcd";
  }

  /** The consumer is there before the provider, and calls as soon as there is one. */
  async #startsLast() {
    this.#consumer = await this.#start(this.life.consumer, {
      role: "consumer",
      application: "life-consumer",
    });
    const isBlind = this.#isBlind;
    if (isBlind) await this.#provider("a");
    const begun = this.#consumer.ask({ do: "load", perSecond }, 60_000);
    await sleep(1_000);
    if (!isBlind) await this.#provider("a");
    // On a busy machine a provider may take longer to start than the load waits for its first call.
    if (!(await begun).ok) await this.#consumer.tell({ do: "load", perSecond }, 60_000);
    await sleep(1_000);
    const seen = await this.#consumer.tell({ do: "loadStop" });
    const trouble = "GB9: a consumer of dubbo-go on etcd never sees the first provider if that comes later";
    this.#tell("the provider starts last", isBlind ? { ...seen, trouble } : seen);
  }

  /** Calls go on while `event` happens, and `afterMs` longer. */
  async #during(name, event, afterMs, wanted = []) {
    await this.#consumer.tell({ do: "load", perSecond });
    await sleep(500);
    let trouble;
    try {
      await event();
    } catch (error) {
      trouble = String(error.message ?? error);
    }
    await sleep(afterMs);
    const seen = await this.#consumer.tell({ do: "loadStop" }, 60_000);
    const missing = wanted.filter((label) => !seen.byLabel[label]);
    if (missing.length > 0) trouble ??= `no call reached ${missing.join(", ")}`;
    this.#tell(name, { ...seen, ...(trouble !== undefined && { trouble }) });
  }

  #tell(name, { calls, failed, errors, byLabel, trouble }) {
    this.report(this.life, name, {
      calls,
      failed,
      errors,
      byLabel,
      ...(trouble !== undefined && { trouble }),
    });
  }

  async #twoInstances() {
    let second;
    const join = async () => void (second = await this.#provider("b"));
    await this.#during("a second instance joins", join, 4_000, ["a", "b"]);
    await this.#during("it leaves in order", () => this.#gone(second, "stop"), 3_000, ["a"]);
  }

  async #killed() {
    const third = await this.#provider("c");
    await sleep(3_000);
    await this.#during("one is killed with -9", () => this.#gone(third, "kill"), 8_000, ["a"]);
  }

  /** One of two exports and unexports: two revisions side by side. */
  async #changes() {
    const other = await this.#provider("e");
    await sleep(2_000);
    const change = async () => {
      await other.tell({ do: "export", ...extra });
      await this.#consumer.tell({ do: "load", perSecond: 20, ...extra });
      await sleep(2_000);
      await this.#consumer.tell({ do: "loadStop", ...extra });
    };
    await this.#during("the revision changes: export", change, 1_000, ["a", "e"]);
    const back = () => other.tell({ do: "unexport", ...extra });
    await this.#during("the revision changes: unexport", back, 3_000, ["a"]);
    await this.#gone(other, "stop");
  }

  async #twoApplications() {
    const name = "a second application provides it";
    if (this.life.provider === "go" && this.life.registry === "etcd") {
      const trouble =
        "GB17: on etcd a second application of dubbo-go cannot say that it provides an interface";
      return this.#tell(name, { calls: 0, failed: 0, errors: [], byLabel: {}, trouble });
    }
    if (this.#isBlind) {
      const trouble = "GB9: a consumer of dubbo-go on etcd hears of no further application";
      return this.#tell(name, { calls: 0, failed: 0, errors: [], byLabel: {}, trouble });
    }
    let other;
    const join = async () => void (other = await this.#provider("d", "life-other"));
    await this.#during(name, join, 5_000, ["a", "d"]);
    if (other !== undefined) await this.#gone(other, "stop");
  }

  async #registryAway() {
    const { server } = this.registry;
    const away = async () => {
      await server.kill("SIGKILL");
      await sleep(30_000);
      await server.restart();
    };
    await this.#during("the registry is away for 30 s", away, 8_000, ["a"]);
  }

  /** Providers that register interfaces give way to one that registers both, and that to one of applications only. */
  async #migration() {
    await Promise.all([...this.#peers].map((peer) => this.#gone(peer, "stop")));
    const provider = (label, registerMode) => this.#provider(label, "moving-provider", { registerMode });
    const old = await provider("interface", "interface");
    this.#consumer = await this.#start(this.life.consumer, {
      role: "consumer",
      application: "moving-consumer",
      migration: "APPLICATION_FIRST",
    });
    const move = async () => {
      const both = await provider("all", "all");
      await sleep(3_000);
      await this.#gone(old, "stop");
      await provider("instance", "instance");
      await sleep(3_000);
      await this.#gone(both, "stop");
    };
    const labels = ["interface", "all", "instance"];
    await this.#during("providers move from interfaces to applications", move, 3_000, labels);
  }
}
