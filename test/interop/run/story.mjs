import { setTimeout as sleep } from "node:timers/promises";
import { servicesOf } from "./call-cells.mjs";
import { perSecond } from "./events.mjs";
import { startedPeer } from "./peer.mjs";

/**
 * Something that happens to providers while calls of one consumer go on. Tells
 * `report(life, event, { calls, failed, … })`.
 */
export class Story {
  #peers = new Set();
  consumer;

  constructor(life, registry, run, report) {
    this.life = life;
    this.registry = registry;
    this.run = run;
    this.report = report;
  }

  /** Rejects when the run is given up. */
  sleep(ms) {
    return sleep(ms, undefined, { signal: this.run.signal });
  }

  async start(language, settings) {
    const { form, metadata } = this.life;
    const url = this.registry.urlFor(language);
    const common = { registry: url, protocol: form, metadata };
    const peer = await startedPeer(language, { ...common, ...settings }, this.run);
    this.#peers.add(peer);
    return peer;
  }

  async provider(label, application = "life-provider", more = {}) {
    const services = servicesOf(this.life.form);
    return this.start(this.life.provider, { role: "provider", application, services, label, ...more });
  }

  /** How a peer ends: `stop` or `kill`. */
  async gone(peer, how = "stop") {
    await peer[how]();
    this.#peers.delete(peer);
  }

  async allGone(how) {
    await Promise.all([...this.#peers].map((peer) => this.gone(peer, how)));
  }

  /** Calls go on while `event` happens, and `afterMs` longer. */
  async during(name, event, afterMs, wanted = []) {
    await this.consumer.tell({ do: "load", perSecond });
    await this.sleep(500);
    let trouble;
    try {
      await event();
    } catch (error) {
      trouble = String(error.message ?? error);
    }
    await this.sleep(afterMs);
    const seen = await this.consumer.tell({ do: "loadStop" }, 60_000);
    const missing = wanted.filter((label) => !seen.byLabel[label]);
    if (missing.length > 0) trouble ??= `no call reached ${missing.join(", ")}`;
    this.tell(name, { ...seen, ...(trouble !== undefined && { trouble }) });
  }

  tell(name, { calls = 0, failed = 0, errors = [], byLabel = {}, trouble }) {
    const note = trouble === undefined ? {} : { trouble };
    this.report(this.life, name, { calls, failed, errors, byLabel, ...note });
  }
}
