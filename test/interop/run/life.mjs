import { servicesOf } from "./call-cells.mjs";
import { lifeEvents as events, perSecond } from "./events.mjs";
import { Story } from "./story.mjs";

const extra = { interface: "org.example.interop.ExtraService" };

/** Providers come, leave, are killed, change what they offer, while the registry is there and while it is not. */
export class LifeStory extends Story {
  async tellAll() {
    await this.#startsLast();
    await this.#twoInstances();
    await this.#killed();
    await this.#changes();
    await this.#twoRevisions();
    await this.#twoApplications();
    await this.#registryAway();
  }

  /** A consumer of dubbo-go hears of no change of a mapping on etcd. */
  get #isBlind() {
    return this.life.consumer === "go" && this.life.registry === "etcd";
  }

  /** The consumer is there before the provider, and calls as soon as there is one. */
  async #startsLast() {
    const settings = { role: "consumer", application: "life-consumer" };
    this.consumer = await this.start(this.life.consumer, settings);
    const isBlind = this.#isBlind;
    if (isBlind) await this.provider("a");
    const begun = this.consumer.ask({ do: "load", perSecond }, 60_000);
    await this.sleep(1_000);
    if (!isBlind) await this.provider("a");
    // On a busy machine a provider may take longer to start than the load waits for its first call.
    if (!(await begun).ok) await this.consumer.tell({ do: "load", perSecond }, 60_000);
    await this.sleep(1_000);
    const seen = await this.consumer.tell({ do: "loadStop" });
    const trouble = "GB9: a consumer of dubbo-go on etcd never sees the first provider if that comes later";
    this.tell(events.startsLast, isBlind ? { ...seen, trouble } : seen);
  }

  async #twoInstances() {
    let second;
    const join = async () => void (second = await this.provider("b"));
    await this.during(events.joins, join, 4_000, ["a", "b"]);
    await this.during(events.leaves, () => this.gone(second), 3_000, ["a"]);
  }

  async #killed() {
    const third = await this.provider("c");
    await this.sleep(3_000);
    await this.during(events.killed, () => this.gone(third, "kill"), 8_000, ["a"]);
  }

  /** One of two exports and unexports. */
  async #changes() {
    const other = await this.provider("e");
    await this.sleep(2_000);
    const change = async () => {
      await other.tell({ do: "export", ...extra });
      await this.consumer.tell({ do: "load", perSecond: 20, ...extra });
      await this.sleep(2_000);
      await this.consumer.tell({ do: "loadStop", ...extra });
    };
    await this.during(events.exported, change, 1_000, ["a", "e"]);
    const back = () => other.tell({ do: "unexport", ...extra });
    await this.during(events.unexported, back, 3_000, ["a"]);
    await this.gone(other);
  }

  /** Three instances of one application with three sets of services: each call goes to one that has what it calls. */
  async #twoRevisions() {
    const only = await this.provider("f", "life-provider", { services: [extra] });
    const services = [...servicesOf(this.life.form), extra];
    let more;
    let ofExtra;
    const both = async () => {
      await this.consumer.tell({ do: "load", perSecond, ...extra });
      more = await this.provider("g", "life-provider", { services });
      await this.sleep(4_000);
      ofExtra = await this.consumer.tell({ do: "loadStop", ...extra }, 60_000);
    };
    const report = this.report;
    this.report = (life, event, seen) => report(life, event, withExtra(seen, ofExtra));
    try {
      await this.during(events.revisions, both, 0, ["a", "g"]);
    } finally {
      this.report = report;
    }
    await Promise.all([only, more].filter(Boolean).map((peer) => this.gone(peer)));
  }

  async #twoApplications() {
    if (this.life.provider === "go" && this.life.registry === "etcd") {
      const trouble =
        "GB17: on etcd a second application of dubbo-go cannot say that it provides an interface";
      return this.tell(events.applications, { trouble });
    }
    if (this.#isBlind) {
      const trouble = "GB9: a consumer of dubbo-go on etcd hears of no further application";
      return this.tell(events.applications, { trouble });
    }
    let other;
    const join = async () => void (other = await this.provider("d", "life-other"));
    await this.during(events.applications, join, 5_000, ["a", "d"]);
    if (other !== undefined) await this.gone(other);
  }

  async #registryAway() {
    const { server } = this.registry;
    const away = async () => {
      await server.kill("SIGKILL");
      await this.sleep(30_000);
      await server.restart();
    };
    await this.during(events.away, away, 8_000, ["a"]);
  }
}

/** Calls of both services together; of the second no call may have gone to one that does not have it. */
function withExtra(seen, ofExtra) {
  if (ofExtra === undefined) return seen;
  const reached = Object.keys(ofExtra.byLabel).sort().join(", ");
  const trouble =
    seen.trouble ?? (reached === "f, g" ? undefined : `calls of the other service reached ${reached}`);
  return {
    calls: seen.calls + ofExtra.calls,
    failed: seen.failed + ofExtra.failed,
    errors: [...seen.errors, ...ofExtra.errors],
    byLabel: { ...seen.byLabel, ...ofExtra.byLabel, g: (seen.byLabel.g ?? 0) + (ofExtra.byLabel.g ?? 0) },
    ...(trouble !== undefined && { trouble }),
  };
}
