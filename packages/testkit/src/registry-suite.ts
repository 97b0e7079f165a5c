import type { ServiceInstance } from "@dubbo-ts/core";
import type { InstanceSet, Registration, Registry } from "@dubbo-ts/discovery";
import { faultsOf, type Harness, type SuiteOptions, suiteDefaults } from "./faults.js";
import type { Followed } from "./follow.js";
import { sampleInstance } from "./sample-instance.js";
import { seededRandom } from "./seeded-random.js";
import type { SuiteCase } from "./suite-case.js";
import { suiteCheck, within } from "./suite-check.js";
import { waitFor } from "./wait-for.js";

/**
 * The contract of `Registry` as jest tests, faults included: a registry adapter is done when they pass. Call it
 * at the top level of a test file. `factory` gives one server and clients of it, anew for each test.
 */
export function registrySuite(
  name: string,
  factory: () => Promise<Harness<Registry>>,
  options: SuiteOptions = {},
): void {
  const settings = suiteDefaults(options);
  const { propagationMs, recoveryMs, sessionMs } = settings;
  const check = suiteCheck(factory, settings.lacks);
  const soon = (condition: () => unknown, what: string | (() => string), timeoutMs = propagationMs) =>
    waitFor(condition, { timeoutMs, what });
  const shows = (seen: Followed<InstanceSet>, ids: readonly string[], timeoutMs = propagationMs) =>
    soon(
      () => same(idsOf(seen.latest), ids),
      () => `the instances [${summary(ids)}]; last seen: [${summary(idsOf(seen.latest))}]`,
      timeoutMs,
    );

  describe(`${name} as a registry`, () => {
    check("shows what another client registers, and again when it is gone", async (at) => {
      const [provider, consumer] = [await at.client(), await at.client()];
      const application = at.name("app");
      const one = sampleInstance({ application, port: 20_001 });
      const two = sampleInstance({ application, port: 20_002 });
      const first = await provider.register(one, at.signal);
      const seen = at.follow(consumer.watch(application, at.signal));
      await shows(seen, [one.id]);
      const second = await (await at.client()).register(two, at.signal);
      await shows(seen, [one.id, two.id]);
      await first[Symbol.asyncDispose]();
      await shows(seen, [two.id]);
      await second[Symbol.asyncDispose]();
      await shows(seen, []);
    });

    check("keeps every field of an instance", async (at) => {
      const application = at.name("app");
      const instance = sampleInstance({
        application,
        host: "10.1.2.3",
        revision: "0123456789abcdef0123456789abcdef",
        storage: "remote",
        ports: { dubbo: 20_880, tri: 50_051 },
        metadataService: undefined,
        tag: "gray",
        labels: { region: "Zürich", note: "größer, «schöner» 漢字", empty: "" },
      });
      await (await at.client()).register(instance, at.signal);
      const consumer = await at.client();
      const seen = at.follow(consumer.watch(application, at.signal));
      await shows(seen, [instance.id]);
      expect(seen.latest?.instances).toEqual([instance]);
      expect(await consumer.get(application, at.signal)).toEqual([instance]);
    });

    check("yields an empty set for an application that nobody registered", async (at) => {
      const consumer = await at.client();
      const application = at.name("nobody");
      expect(await consumer.get(application, at.signal)).toEqual([]);
      const seen = at.follow(consumer.watch(application, at.signal));
      await soon(() => seen.latest !== undefined, "a first set");
      expect(seen.latest?.instances).toEqual([]);
    });

    check("updates in place: at no moment is the instance absent", async (at) => {
      const application = at.name("app");
      const instance = sampleInstance({ application });
      const registration = await (await at.client()).register(instance, at.signal);
      const seen = at.follow((await at.client()).watch(application, at.signal));
      await shows(seen, [instance.id]);
      for (let revision = 1; revision <= 5; revision++) {
        await registration.update({ ...instance, revision: `revision-${revision}` }, at.signal);
        await soon(
          () => seen.latest?.instances[0]?.revision === `revision-${revision}`,
          `revision ${revision}`,
        );
      }
      expect(seen.values.filter(({ instances }) => instances.length !== 1)).toEqual([]);
    });

    check("lets the later of two updates win", async (at) => {
      const application = at.name("app");
      const instance = sampleInstance({ application });
      const registration = await (await at.client()).register(instance, at.signal);
      await Promise.all(
        ["a", "b", "c"].map((revision) => registration.update({ ...instance, revision }, at.signal)),
      );
      const consumer = await at.client();
      await soon(async () => (await consumer.get(application, at.signal))[0]?.revision === "c", "revision c");
    });

    check("gives the same objects for instances that did not change", async (at) => {
      const provider = await at.client();
      const application = at.name("app");
      await provider.register(sampleInstance({ application, port: 20_001 }), at.signal);
      const seen = at.follow((await at.client()).watch(application, at.signal));
      await soon(() => seen.latest?.instances.length === 1, "the first instance");
      const [kept] = seen.latest?.instances ?? [];
      await (await at.client()).register(sampleInstance({ application, port: 20_002 }), at.signal);
      await soon(() => seen.latest?.instances.length === 2, "the second instance");
      expect(seen.latest?.instances.find(({ port }) => port === 20_001)).toBe(kept);
    });

    check("keeps applications apart whose names resemble each other", async (at) => {
      const client = await at.client();
      const application = at.name("order");
      await client.register(sampleInstance({ application, port: 20_001 }), at.signal);
      await client.register(
        sampleInstance({ application: `${application}-service`, port: 20_002 }),
        at.signal,
      );
      const seen = at.follow((await at.client()).watch(application, at.signal));
      await shows(seen, ["10.0.0.1:20001"]);
    });

    check("lists applications, those that are created later too", async (at) => {
      const client = await at.client();
      const [first, later] = [at.name("first"), at.name("later")];
      await client.register(sampleInstance({ application: first }), at.signal);
      const consumer = await at.client();
      const seen = at.follow(consumer.watchApplications(at.signal));
      await soon(() => seen.latest?.includes(first), "the first application", recoveryMs);
      expect(await consumer.applications(at.signal)).toContain(first);
      await client.register(sampleInstance({ application: later }), at.signal);
      await soon(() => seen.latest?.includes(later), "the later application", recoveryMs);
    });

    check("removes only its own when two clients registered one address", async (at) => {
      const application = at.name("app");
      const before = sampleInstance({ application, revision: "before" });
      const first = await (await at.client()).register(before, at.signal);
      const second = await (await at.client()).register({ ...before, revision: "after" }, at.signal);
      await first[Symbol.asyncDispose]();
      const consumer = await at.client();
      const read = async () =>
        (await consumer.get(application, at.signal)).map(({ revision = "" }) => revision);
      await soon(async () => same(await read(), ["after"]), "only the second");
      await second[Symbol.asyncDispose]();
      await soon(async () => (await read()).length === 0, "none");
    });

    check("gives a slow reader the latest set, and disturbs no other", async (at) => {
      const application = at.name("app");
      const [provider, consumer] = [await at.client(), await at.client()];
      const instance = sampleInstance({ application });
      const registration = await provider.register(instance, at.signal);
      const slow = consumer.watch(application, at.signal)[Symbol.asyncIterator]();
      const quick = at.follow(consumer.watch(application, at.signal));
      await slow.next();
      for (let revision = 1; revision <= 20; revision++)
        await registration.update({ ...instance, revision: `r${revision}` }, at.signal);
      await soon(() => quick.latest?.instances[0]?.revision === "r20", "the last revision");
      await soon(async () => {
        const next = await slow.next();
        return !next.done && next.value.instances[0]?.revision === "r20";
      }, "the last revision at the slow reader");
      await slow.return?.();
    });

    check("watches, stops and watches again quickly", async (at) => {
      const application = at.name("app");
      const [provider, consumer] = [await at.client(), await at.client()];
      for (let round = 0; round < 5; round++) {
        const stop = new AbortController();
        const seen = at.follow(consumer.watch(application, stop.signal));
        stop.abort();
        await seen.done;
      }
      const seen = at.follow(consumer.watch(application, at.signal));
      const instance = sampleInstance({ application });
      await provider.register(instance, at.signal);
      await shows(seen, [instance.id]);
    });

    check("ends a watch when its signal aborts, and at once when it had aborted before", async (at) => {
      const client = await at.client();
      const stop = new AbortController();
      const seen = at.follow(client.watch(at.name("app"), stop.signal));
      await soon(() => seen.latest !== undefined, "a first set");
      stop.abort();
      await seen.done;
      await at.follow(client.watch(at.name("app"), stop.signal)).done;
      await at.follow(client.watchApplications(stop.signal)).done;
    });

    check("rejects with the signal's reason when it has aborted", async (at) => {
      const client = await at.client();
      const reason = new Error("not any more");
      const signal = AbortSignal.abort(reason);
      await expect(client.get(at.name("app"), signal)).rejects.toBe(reason);
      await expect(client.applications(signal)).rejects.toBe(reason);
    });

    check("deregisters and disposes twice without harm, and ends its watches", async (at) => {
      const application = at.name("app");
      const client = await at.client();
      const registration = await client.register(sampleInstance({ application }), at.signal);
      const seen = at.follow(client.watch(application, at.signal));
      await soon(() => seen.latest !== undefined, "a first set");
      await Promise.all([registration[Symbol.asyncDispose](), registration[Symbol.asyncDispose]()]);
      await registration[Symbol.asyncDispose]();
      await within(2_000, async () => {
        await Promise.all([client[Symbol.asyncDispose](), client[Symbol.asyncDispose]()]);
        await client[Symbol.asyncDispose]();
      });
      await within(2_000, () => seen.done);
    });

    check("deregisters what is still registered when the client is disposed", async (at) => {
      const application = at.name("app");
      const provider = await at.client();
      const consumer = await at.client();
      await provider.register(sampleInstance({ application }), at.signal);
      const seen = at.follow(consumer.watch(application, at.signal));
      await soon(() => seen.latest?.instances.length === 1, "the instance");
      await provider[Symbol.asyncDispose]();
      await shows(seen, []);
    });

    check("keeps many instances with large labels intact", async (at) => {
      const application = at.name("bulk");
      const clients = [await at.client(), await at.client()] as const;
      const instances = Array.from({ length: settings.bulk }, (_, index) =>
        sampleInstance({
          application,
          host: `10.0.${index >> 8}.${index & 255}`,
          labels: { text: "é".repeat(300) },
        }),
      );
      await Promise.all(
        instances.map((instance, index) => clients[index % 2 === 0 ? 0 : 1].register(instance, at.signal)),
      );
      const seen = at.follow((await at.client()).watch(application, at.signal));
      const ids = instances.map(({ id }) => id);
      await shows(seen, ids, recoveryMs);
      expect(byId(seen.latest?.instances)).toEqual(byId(instances));
    });

    check("ends with the truth after 40 instances joined and left at random", async (at) => {
      const churn = await Churn.open(at, 40);
      const seen = at.follow((await at.client()).watch(churn.application, at.signal));
      for (let step = 0; step < 120; step++) await churn.step();
      await shows(seen, churn.truth, recoveryMs);
    });

    describe("under faults", () => {
      check(
        "is open and registers by itself when the server comes later",
        async (at) => {
          const faults = faultsOf(at.harness, "kill");
          await faults.killServer();
          const client = await at.client();
          const instance = sampleInstance({ application: at.name("app") });
          const registering = client.register(instance, at.signal);
          const seen = at.follow(client.watch(instance.application, at.signal));
          await pause(300);
          await faults.restartServer();
          await within(recoveryMs, () => registering);
          await shows(seen, [instance.id], recoveryMs);
        },
        "kill",
      );

      check(
        "says REGISTRY_UNAVAILABLE, or the signal's reason, when the server does not come",
        async (at) => {
          const faults = faultsOf(at.harness, "kill");
          await faults.killServer();
          const client = await at.client();
          const reason = new Error("deadline");
          const bounded = () => {
            const stop = new AbortController();
            setTimeout(() => stop.abort(reason), 300);
            return stop.signal;
          };
          const outcome = (work: Promise<unknown>) =>
            work.then(
              () => "resolved",
              (error: unknown) => (error === reason ? "reason" : (error as { code?: string }).code),
            );
          const allowed = ["reason", "REGISTRY_UNAVAILABLE"];
          const instance = sampleInstance({ application: at.name("app") });
          expect(allowed).toContain(await outcome(client.register(instance, bounded())));
          expect(allowed).toContain(await outcome(client.get(instance.application, bounded())));
          await within(2_000, () => client[Symbol.asyncDispose]());
          await faults.restartServer();
        },
        "kill",
      );

      check(
        "keeps its instances through a kill and a restart, with no empty set that is settled",
        async (at) => {
          const faults = faultsOf(at.harness, "kill");
          const provider = await at.client();
          const instance = sampleInstance({ application: at.name("app") });
          await provider.register(instance, at.signal);
          const seen = at.follow((await at.client()).watch(instance.application, at.signal));
          await shows(seen, [instance.id]);
          await faults.killServer();
          await faults.restartServer();
          const fresh = await at.client();
          await soon(
            async () => (await fresh.get(instance.application, at.signal)).length === 1,
            "the instance",
            recoveryMs,
          );
          await shows(seen, [instance.id], recoveryMs);
          await pause(propagationMs / 2);
          expect(seen.values.filter(({ instances, settled }) => settled && instances.length === 0)).toEqual(
            [],
          );
        },
        "kill",
      );

      check(
        "registers once more after the server was away longer than a session",
        async (at) => {
          const faults = faultsOf(at.harness, "kill");
          const instance = sampleInstance({ application: at.name("app") });
          await (await at.client()).register(instance, at.signal);
          const seen = at.follow((await at.client()).watch(instance.application, at.signal));
          await shows(seen, [instance.id]);
          await faults.killServer();
          await pause(sessionMs * 1.2);
          await faults.restartServer();
          const fresh = await at.client();
          const registered = async () =>
            same(
              (await fresh.get(instance.application, at.signal)).map(({ id }) => id),
              [instance.id],
            );
          await soon(registered, "one record", recoveryMs);
          await pause(sessionMs * 1.2);
          await soon(registered, "one record, no ghost");
          await shows(seen, [instance.id], recoveryMs);
        },
        "kill",
      );

      check(
        "brings everything back after the server was wiped",
        async (at) => {
          const faults = faultsOf(at.harness, "wipe");
          const instance = sampleInstance({ application: at.name("app") });
          const registration = await (await at.client()).register(instance, at.signal);
          const seen = at.follow((await at.client()).watch(instance.application, at.signal));
          await shows(seen, [instance.id]);
          await faults.killServer();
          await faults.wipeServer();
          await faults.restartServer();
          const fresh = await at.client();
          await soon(
            async () => (await fresh.get(instance.application, at.signal)).length === 1,
            "the record",
            recoveryMs,
          );
          await registration.update({ ...instance, revision: "after the wipe" }, at.signal);
          await soon(
            () => seen.latest?.instances[0]?.revision === "after the wipe",
            "the update",
            recoveryMs,
          );
        },
        "wipe",
      );

      check(
        "bounds calls in a black hole, and comes back when it heals",
        async (at) => {
          const faults = faultsOf(at.harness, "blackhole");
          const client = await at.client();
          const instance = sampleInstance({ application: at.name("app") });
          await client.register(instance, at.signal);
          const seen = at.follow((await at.client()).watch(instance.application, at.signal));
          await shows(seen, [instance.id]);
          await faults.blackhole();
          const stop = new AbortController();
          setTimeout(() => stop.abort(new Error("deadline")), 500);
          await within(2_000, () => expect(client.get(instance.application, stop.signal)).rejects.toThrow());
          await pause(sessionMs * 1.5);
          await faults.heal();
          const fresh = await at.client();
          await soon(
            async () => (await fresh.get(instance.application, at.signal)).length === 1,
            "the instance after healing",
            recoveryMs,
          );
          await shows(seen, [instance.id], recoveryMs);
        },
        "blackhole",
      );

      check(
        "comes back after the server stood still longer than a session",
        async (at) => {
          const faults = faultsOf(at.harness, "pause");
          const client = await at.client();
          const instance = sampleInstance({ application: at.name("app") });
          await client.register(instance, at.signal);
          await faults.pauseServer();
          await pause(sessionMs * 1.2);
          await faults.resumeServer();
          const fresh = await at.client();
          await soon(
            async () => (await fresh.get(instance.application, at.signal)).length === 1,
            "the instance",
            recoveryMs,
          );
        },
        "pause",
      );

      check(
        "settles after its connection was cut again and again",
        async (at) => {
          const faults = faultsOf(at.harness, "cut");
          const client = await at.client();
          const instance = sampleInstance({ application: at.name("app") });
          const registration = await client.register(instance, at.signal);
          const seen = at.follow((await at.client()).watch(instance.application, at.signal));
          for (let round = 0; round < 15; round++) {
            await faults.cutConnections();
            await pause(200);
          }
          await registration.update({ ...instance, revision: "calm" }, at.signal);
          await soon(() => seen.latest?.instances[0]?.revision === "calm", "the update", recoveryMs);
        },
        "cut",
      );

      check(
        "forgets a provider that was killed",
        async (at) => {
          const faults = faultsOf(at.harness, "crash");
          const provider = await at.client();
          const instance = sampleInstance({ application: at.name("app") });
          await provider.register(instance, at.signal);
          const seen = at.follow((await at.client()).watch(instance.application, at.signal));
          await shows(seen, [instance.id]);
          await faults.crashClient(provider);
          await shows(seen, [], sessionMs * 2 + propagationMs);
        },
        "crash",
      );

      check(
        "ends with the truth after churn through a restart",
        async (at) => {
          const faults = faultsOf(at.harness, "kill");
          const churn = await Churn.open(at, 20);
          const seen = at.follow((await at.client()).watch(churn.application, at.signal));
          for (let step = 0; step < 40; step++) await churn.step();
          await faults.killServer();
          const during = Promise.all(Array.from({ length: 5 }, () => churn.step()));
          await faults.restartServer();
          await within(recoveryMs * 2, () => during);
          for (let step = 0; step < 20; step++) await churn.step();
          await shows(seen, churn.truth, sessionMs * 2 + recoveryMs);
        },
        "kill",
      );

      check(
        "disposes within two seconds while it reconnects and while it registers",
        async (at) => {
          const faults = faultsOf(at.harness, "kill");
          const client = await at.client();
          await client.register(sampleInstance({ application: at.name("app") }), at.signal);
          await faults.killServer();
          const registering = client
            .register(sampleInstance({ application: at.name("late") }), at.signal)
            .catch(() => {});
          await within(2_500, () => client[Symbol.asyncDispose]());
          await within(1_000, () => registering);
          await faults.restartServer();
        },
        "kill",
      );
    });
  });
}

/** Instances that join and leave at random, through three clients. */
class Churn {
  readonly #random = seededRandom(7);
  readonly #registered = new Map<number, Promise<Registration>>();

  private constructor(
    readonly application: string,
    private readonly clients: readonly Registry[],
    private readonly size: number,
    private readonly signal: AbortSignal,
  ) {}

  static async open(at: SuiteCase<Registry>, size: number): Promise<Churn> {
    const clients = [await at.client(), await at.client(), await at.client()];
    return new Churn(at.name("churn"), clients, size, at.signal);
  }

  /** The ids that must be there when all is calm. */
  get truth(): readonly string[] {
    return [...this.#registered.keys()].map((index) => this.#instance(index).id);
  }

  async step(): Promise<void> {
    const index = Math.floor(this.#random() * this.size);
    const registered = this.#registered.get(index);
    if (registered !== undefined) {
      this.#registered.delete(index);
      await (await registered)[Symbol.asyncDispose]();
      return;
    }
    const client = this.clients[index % this.clients.length] as Registry;
    const registering = client.register(this.#instance(index), this.signal);
    this.#registered.set(index, registering);
    await registering;
  }

  #instance(index: number): ServiceInstance {
    return sampleInstance({ application: this.application, port: 21_000 + index });
  }
}

function idsOf(set: InstanceSet | undefined): readonly string[] {
  return (set?.instances ?? []).map(({ id }) => id);
}

function same(a: readonly string[], b: readonly string[]): boolean {
  const sorted = [...b].sort();
  return a.length === b.length && [...a].sort().every((value, index) => value === sorted[index]);
}

function byId(instances: readonly ServiceInstance[] = []): Record<string, ServiceInstance> {
  return Object.fromEntries(instances.map((instance) => [instance.id, instance]));
}

function summary(ids: readonly string[]): string {
  return ids.length > 6 ? `${ids.slice(0, 6).join(", ")} ... ${ids.length} in all` : ids.join(", ");
}

/** For the faults that consist in time passing at a real server; conditions are waited for with `waitFor`. */
function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
