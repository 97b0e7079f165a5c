import { migrationEvents as events } from "./events.mjs";
import { Story } from "./story.mjs";

/** From the one kind of registration to the other, on both sides, with calls going on all the while. */
export class MigrationStory extends Story {
  async tellAll() {
    if (this.#isTooBig) return this.#tellTooBig();
    await this.#providersMove();
    if (this.life.consumer === "node") await this.#stepIsSwitched();
  }

  /** What a provider of dubbo-go writes for an interface is more than Nacos takes. */
  get #isTooBig() {
    return this.life.provider === "go" && ["nacos", "embedded"].includes(this.life.registry);
  }

  #tellTooBig() {
    const trouble = "GB8: a provider of dubbo-go with many methods cannot register its interface on Nacos";
    for (const event of Object.values(events)) this.tell(event, { trouble });
  }

  #registered(label, registerMode) {
    return this.provider(label, "moving-provider", { registerMode });
  }

  async #consumerStarts() {
    const settings = { role: "consumer", application: "moving-consumer", migration: "APPLICATION_FIRST" };
    this.consumer = await this.start(this.life.consumer, settings);
  }

  /** Providers that register interfaces give way to one that registers both, and that to one of applications only. */
  async #providersMove() {
    const old = await this.#registered("interface", "interface");
    await this.#consumerStarts();
    const move = async () => {
      const both = await this.#registered("all", "all");
      await this.sleep(3_000);
      await this.gone(old);
      await this.#registered("instance", "instance");
      await this.sleep(3_000);
      await this.gone(both);
    };
    await this.during(events.moves, move, 3_000, ["interface", "all", "instance"]);
    await this.allGone("kill");
  }

  /** Providers register both; the consumer is told where to look, one way and back. */
  async #stepIsSwitched() {
    await Promise.all([this.#registered("x", "all"), this.#registered("y", "all")]);
    await this.#consumerStarts();
    const steps = [
      ["force-interface", "interface"],
      ["application-first", "application"],
      ["force-application", "application"],
      ["application-first", "application"],
      ["force-interface", "interface"],
      ["force-application", "application"],
      [undefined, "application"],
    ];
    const turn = async () => {
      for (const [step, wanted] of steps) {
        await this.consumer.tell({ do: "migrate", step });
        await this.sleep(1_500);
        const { serving } = await this.consumer.tell({ do: "migrate", step });
        if (serving.some((one) => one !== wanted))
          throw new Error(`after ${step ?? "the program took its word back"} providers come from ${serving}`);
      }
    };
    await this.during(events.steps, turn, 1_000, ["x", "y"]);
  }
}
