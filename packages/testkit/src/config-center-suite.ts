import type { ConfigCenter, ConfigItem, ConfigRecord } from "@dubbo-ts/config";
import { faultsOf, type Harness, type SuiteOptions, suiteDefaults } from "./faults.js";
import type { Followed } from "./follow.js";
import type { SuiteCase } from "./suite-case.js";
import { codeOf, suiteCheck, within } from "./suite-check.js";
import { waitFor } from "./wait-for.js";

/** How {@link configCenterSuite} is run for one adapter. */
export interface ConfigCenterSuiteOptions extends SuiteOptions {
  /** A text of so many bytes is too large for the store, which has to be told by REGISTRY_REFUSED. Default: not tested. */
  readonly tooManyBytes?: number;
}

/** One watcher, as the tests look at it. */
type Seen = Followed<ConfigRecord | undefined>;

/**
 * The contract of `ConfigCenter` as jest tests. Call it at the top level of a test file. `factory` gives one server and
 * clients of it, anew for each test. Of the faults it uses `kill`, `wipe`, `blackhole`, `cut` and `pause`; a harness that
 * can make a black hole needs {@link Harness.openBeside}.
 */
export function configCenterSuite(
  name: string,
  factory: () => Promise<Harness<ConfigCenter>>,
  options: ConfigCenterSuiteOptions = {},
): void {
  const settings = suiteDefaults(options);
  const { propagationMs, recoveryMs } = settings;
  const { tooManyBytes } = options;
  const check = suiteCheck(factory, settings.lacks);
  const soon = (condition: () => unknown, what: string, timeoutMs = propagationMs) =>
    waitFor(condition, { timeoutMs, what });
  /** Waits until the watcher has seen `text` last; undefined: that there is none. */
  const shows = (seen: Seen, text: string | undefined, timeoutMs = propagationMs) =>
    soon(
      () => seen.values.length > 0 && seen.latest?.text === text,
      text === undefined ? "the item to be gone" : JSON.stringify(text.slice(0, 40)),
      timeoutMs,
    );
  /** Waits until a read gives `text`: stores may show what was written a moment later. */
  const reads = (center: ConfigCenter, item: ConfigItem, text: string | undefined, at: At) =>
    soon(
      async () => (await center.get(item, at.signal))?.text === text,
      `${item.group}/${item.key} to be read`,
      propagationMs,
    );

  describe(`${name} as a config center`, () => {
    check("gives back what another client published, under the same version to all", async (at) => {
      const [writer, reader] = [await at.client(), await at.client()];
      const item = itemOf(at);
      expect(await writer.publish(item, "dubbo.consumer.timeout=1000", at.signal)).toBe(true);
      await reads(reader, item, "dubbo.consumer.timeout=1000", at);
      await reads(writer, item, "dubbo.consumer.timeout=1000", at);
      const [one, two] = [await reader.get(item, at.signal), await writer.get(item, at.signal)];
      expect(one?.version).toMatch(/./);
      expect(two).toEqual(one);
    });

    check("has nothing under a key that nobody published, and removes it without harm", async (at) => {
      const center = await at.client();
      const item = itemOf(at);
      expect(await center.get(item, at.signal)).toBeUndefined();
      await center.remove(item, at.signal);
      expect(await center.get(item, at.signal)).toBeUndefined();
    });

    check("keeps the keys of Java and Go apart, and groups too", async (at) => {
      const center = await at.client();
      const app = at.name("app");
      const items = [
        { key: "dubbo.properties", group: app },
        { key: `${app}.configurators`, group: "dubbo" },
        { key: `${app}.tag-router`, group: "dubbo" },
        { key: `${app}.tag-router`, group: `${app}-other` },
        { key: `org.example.${app}::.condition-router`, group: "dubbo" },
        { key: `org.example.${app}:1.0.0:g.configurators`, group: "dubbo" },
        { key: `org.example.${app}$Inner::.configurators`, group: "dubbo" },
      ];
      for (const item of items) await center.publish(item, JSON.stringify(item), at.signal, "absent");
      for (const item of items) await reads(center, item, JSON.stringify(item), at);
      for (const item of items) await center.remove(item, at.signal);
    });

    check("writes over one version only, or over none", async (at) => {
      const [one, two] = [await at.client(), await at.client()];
      const item = itemOf(at);
      expect(await one.publish(item, "1", at.signal, "absent")).toBe(true);
      expect(await two.publish(item, "lost", at.signal, "absent")).toBe(false);
      await reads(two, item, "1", at);
      const version = await versionOf(two, item, at);
      expect(await two.publish(item, "2", at.signal, { version })).toBe(true);
      expect(await one.publish(item, "lost", at.signal, { version })).toBe(false);
      await reads(one, item, "2", at);
      expect(await one.publish(item, "3", at.signal)).toBe(true);
      await reads(two, item, "3", at);
    });

    check("writes over no version of what was removed, but over nothing", async (at) => {
      const center = await at.client();
      const item = itemOf(at);
      await center.publish(item, "1", at.signal, "absent");
      await reads(center, item, "1", at);
      const version = await versionOf(center, item, at);
      await center.remove(item, at.signal);
      await reads(center, item, undefined, at);
      expect(await center.publish(item, "lost", at.signal, { version })).toBe(false);
      expect(await center.publish(item, "2", at.signal, "absent")).toBe(true);
      await reads(center, item, "2", at);
      expect(await center.publish(item, "lost", at.signal, { version })).toBe(false);
    });

    check("loses nothing when twenty clients write at once", async (at) => {
      const item = itemOf(at);
      const lines = Array.from({ length: 20 }, (_, index) => `line-${index}`);
      await Promise.all(
        lines.map(async (line) => {
          const center = await at.client();
          for (;;) {
            const record = await center.get(item, at.signal);
            // A store may say no to a write that was written over at once.
            if (record?.text.split("\n").includes(line)) return;
            const text = record === undefined ? line : `${record.text}\n${line}`;
            const expected = record === undefined ? ("absent" as const) : { version: record.version };
            if (await center.publish(item, text, at.signal, expected)) return;
          }
        }),
      );
      const center = await at.client();
      const sorted = [...lines].sort();
      await soon(async () => {
        const record = await center.get(item, at.signal);
        return record?.text.split("\n").sort().join() === sorted.join();
      }, "all lines");
    });

    check("keeps large texts, many lines, and characters beyond ASCII and beyond 16 bits", async (at) => {
      const center = await at.client();
      const line = "größer, 漢字 <&=> 😀 \ttab\r\n";
      const text = `# 100 KB\n${line.repeat(Math.ceil(100_000 / Buffer.byteLength(line)))}\n\n`;
      const [large, small] = [itemOf(at), itemOf(at)];
      const seen = at.follow(center.watch(large, at.signal));
      expect(await center.publish(large, text, at.signal, "absent")).toBe(true);
      expect(await center.publish(small, "😀", at.signal, "absent")).toBe(true);
      await reads(await at.client(), large, text, at);
      await reads(center, small, "😀", at);
      await shows(seen, text);
    });

    check("keeps an empty text, or refuses it by name", async (at) => {
      const center = await at.client();
      const item = itemOf(at);
      const code = await codeOf(center.publish(item, "", at.signal));
      expect([undefined, "REGISTRY_REFUSED"]).toContain(code);
      if (code === undefined) await reads(center, item, "", at);
      else expect(await center.get(item, at.signal)).toBeUndefined();
    });

    check("refuses names that cannot be", async (at) => {
      const center = await at.client();
      for (const item of [
        { key: "", group: "dubbo" },
        { key: "dubbo.properties", group: "" },
      ]) {
        expect(await codeOf(center.get(item, at.signal))).toBe("REGISTRY_REFUSED");
        expect(await codeOf(center.publish(item, "text", at.signal))).toBe("REGISTRY_REFUSED");
        expect(await codeOf(center.remove(item, at.signal))).toBe("REGISTRY_REFUSED");
        expect(await codeOf(at.follow(center.watch(item, at.signal)).done)).toBe("REGISTRY_REFUSED");
      }
    });

    if (tooManyBytes !== undefined)
      check("refuses a text that is too large, and goes on", async (at) => {
        const center = await at.client();
        const item = itemOf(at);
        const tooLarge = "x".repeat(tooManyBytes);
        expect(await codeOf(center.publish(item, tooLarge, at.signal))).toBe("REGISTRY_REFUSED");
        expect(await codeOf(center.publish(item, tooLarge, at.signal, "absent"))).toBe("REGISTRY_REFUSED");
        expect(await center.publish(item, "small", at.signal, "absent")).toBe(true);
      });

    check("shows an item that is made later, each change, its removal, and its return", async (at) => {
      const [writer, reader] = [await at.client(), await at.client()];
      const item = itemOf(at);
      const seen = at.follow(reader.watch(item, at.signal));
      await shows(seen, undefined);
      await writer.publish(item, "1", at.signal, "absent");
      await shows(seen, "1");
      await writer.publish(item, "2", at.signal);
      await shows(seen, "2");
      await writer.remove(item, at.signal);
      await shows(seen, undefined);
      await reads(writer, item, undefined, at);
      await writer.publish(item, "3", at.signal, "absent");
      await shows(seen, "3");
      expect(seen.values.map((record) => record?.text)).toEqual([undefined, "1", "2", undefined, "3"]);
    });

    check("tells watchers the version to write over, and nothing of other items", async (at) => {
      const center = await at.client();
      const [item, other] = [itemOf(at), itemOf(at)];
      await center.publish(item, "1", at.signal);
      const seen = at.follow(center.watch(item, at.signal));
      const others = at.follow(center.watch(other, at.signal));
      await shows(seen, "1");
      await center.publish(other, "x", at.signal);
      await shows(others, "x");
      const version = seen.latest?.version ?? "";
      expect(await center.publish(item, "2", at.signal, { version })).toBe(true);
      await shows(seen, "2");
      expect(seen.values).toHaveLength(2);
    });

    check("serves several watchers of one item, each until its own end", async (at) => {
      const [one, two] = [await at.client(), await at.client()];
      const item = itemOf(at);
      const stop = new AbortController();
      const first = at.follow(one.watch(item, stop.signal));
      const [second, third] = [at.follow(one.watch(item, at.signal)), at.follow(two.watch(item, at.signal))];
      await one.publish(item, "1", at.signal, "absent");
      for (const seen of [first, second, third]) await shows(seen, "1");
      stop.abort();
      await within(2_000, () => first.done);
      await two.publish(item, "2", at.signal);
      for (const seen of [second, third]) await shows(seen, "2");
      expect(first.latest?.text).toBe("1");
      const late = at.follow(one.watch(item, at.signal));
      await shows(late, "2");
    });

    check("gives a slow reader the latest", async (at) => {
      const [writer, reader] = [await at.client(), await at.client()];
      const [item, marker] = [itemOf(at), itemOf(at)];
      const records = reader.watch(item, at.signal)[Symbol.asyncIterator]();
      await records.next();
      const seen = at.follow(reader.watch(marker, at.signal));
      for (let round = 1; round <= 5; round++) await writer.publish(item, String(round), at.signal);
      await reads(reader, item, "5", at);
      await writer.publish(marker, "done", at.signal);
      await shows(seen, "done");
      let text: string | undefined;
      for (let steps = 0; text !== "5" && steps < 5; steps++) text = (await records.next()).value?.text;
      expect(text).toBe("5");
      await records.return?.();
    });

    check("ends a watch promptly when its signal aborts, and at once when it had before", async (at) => {
      const center = await at.client();
      const stop = new AbortController();
      const item = itemOf(at);
      const seen = at.follow(center.watch(item, stop.signal));
      await shows(seen, undefined);
      stop.abort();
      await within(2_000, () => seen.done);
      await within(2_000, () => at.follow(center.watch(item, stop.signal)).done);
    });

    check("rejects with the signal's reason when it has aborted", async (at) => {
      const center = await at.client();
      const reason = new Error("not any more");
      const signal = AbortSignal.abort(reason);
      const item = itemOf(at);
      await expect(center.get(item, signal)).rejects.toBe(reason);
      await expect(center.publish(item, "text", signal)).rejects.toBe(reason);
      await expect(center.publish(item, "text", signal, "absent")).rejects.toBe(reason);
      await expect(center.remove(item, signal)).rejects.toBe(reason);
      expect(await center.get(item, at.signal)).toBeUndefined();
    });

    check("has earlier records, the newest first, where it keeps them", async (at) => {
      const center = await at.client();
      const item = itemOf(at);
      if (center.history === undefined) return;
      for (const text of ["1", "2", "3"]) {
        await center.publish(item, text, at.signal);
        await reads(center, item, text, at);
      }
      await soon(
        async () => (await center.history?.(item, at.signal))?.map(({ text }) => text).join() === "2,1",
        "two earlier records",
      );
      await center.remove(item, at.signal);
      await soon(
        async () => (await center.history?.(item, at.signal))?.[0]?.text === "3",
        "what was removed",
      );
      expect(await center.history(itemOf(at), at.signal)).toEqual([]);
    });

    check("disposes twice without harm, and ends its watches", async (at) => {
      const center = await at.client();
      const seen = at.follow(center.watch(itemOf(at), at.signal));
      await shows(seen, undefined);
      await Promise.all([center[Symbol.asyncDispose](), center[Symbol.asyncDispose]()]);
      await center[Symbol.asyncDispose]();
      await within(2_000, () => seen.done);
    });

    check(
      "keeps items through a kill and a restart, and watches go on without a word of it",
      async (at) => {
        const faults = faultsOf(at.harness, "kill");
        const reader = await at.client();
        const item = itemOf(at);
        await reader.publish(item, "1", at.signal);
        const seen = at.follow(reader.watch(item, at.signal));
        await shows(seen, "1");
        await faults.killServer();
        await faults.restartServer();
        await soon(async () => (await reader.get(item, at.signal))?.text === "1", "the item", recoveryMs);
        await (await at.client()).publish(item, "2", at.signal);
        await shows(seen, "2", recoveryMs);
        expect(seen.values.map((record) => record?.text)).toEqual(["1", "2"]);
      },
      "kill",
    );

    check(
      "shows what was changed and removed while it was away",
      async (at) => {
        const faults = faultsOf(at.harness, "blackhole");
        const [reader, writer] = [await at.client(), await at.beside()];
        const [changed, removed, same, made] = [itemOf(at), itemOf(at), itemOf(at), itemOf(at)];
        for (const item of [changed, removed, same]) await writer.publish(item, "before", at.signal);
        const [seenChanged, seenRemoved, seenSame, seenMade] = [changed, removed, same, made].map((item) =>
          at.follow(reader.watch(item, at.signal)),
        ) as [Seen, Seen, Seen, Seen];
        for (const seen of [seenChanged, seenRemoved, seenSame]) await shows(seen, "before");
        await shows(seenMade, undefined);
        await faults.blackhole();
        await writer.publish(changed, "after", at.signal);
        await writer.remove(removed, at.signal);
        await writer.publish(made, "made", at.signal);
        await faults.heal();
        await shows(seenChanged, "after", recoveryMs);
        await shows(seenRemoved, undefined, recoveryMs);
        await shows(seenMade, "made", recoveryMs);
        expect(seenSame.values).toHaveLength(1);
        await writer.publish(same, "after", at.signal);
        await shows(seenSame, "after", recoveryMs);
        expect(seenSame.values).toHaveLength(2);
      },
      "blackhole",
    );

    check(
      "ends reads and writes into a black hole with their signals, and comes back",
      async (at) => {
        const faults = faultsOf(at.harness, "blackhole");
        const center = await at.client();
        const item = itemOf(at);
        await center.publish(item, "1", at.signal);
        await faults.blackhole();
        const works = [
          (signal: AbortSignal) => center.get(item, signal),
          (signal: AbortSignal) => center.publish(item, "2", signal, "absent"),
        ];
        for (const work of works) {
          const stop = new AbortController();
          setTimeout(() => stop.abort(new Error("deadline")), 300);
          await within(2_000, () => expect(work(stop.signal)).rejects.toThrow());
        }
        await faults.heal();
        const read = async () => (await center.get(item, at.signal))?.text === "1";
        await soon(read, "an answer", recoveryMs);
      },
      "blackhole",
    );

    check(
      "settles after its connection was cut again and again, and says nothing twice",
      async (at) => {
        const faults = faultsOf(at.harness, "cut");
        const [center, writer] = [await at.client(), await at.client()];
        const item = itemOf(at);
        await writer.publish(item, "1", at.signal);
        const seen = at.follow(center.watch(item, at.signal));
        await shows(seen, "1");
        for (let round = 0; round < 10; round++) {
          await faults.cutConnections();
          await soon(
            () => codeOf(center.get(item, at.signal)).then((code) => code === undefined),
            "it",
            recoveryMs,
          );
        }
        expect(seen.values).toHaveLength(1);
        await soon(() => writer.publish(item, "2", at.signal), "a write", recoveryMs);
        await shows(seen, "2", recoveryMs);
        expect(textsOf(seen)).toEqual(["1", "2"]);
      },
      "cut",
    );

    check(
      "goes on after the server stood still longer than a session",
      async (at) => {
        const faults = faultsOf(at.harness, "pause");
        const center = await at.client();
        const item = itemOf(at);
        await center.publish(item, "1", at.signal);
        const seen = at.follow(center.watch(item, at.signal));
        await shows(seen, "1");
        await faults.pauseServer();
        const waiting = AbortSignal.timeout(settings.sessionMs * 1.2);
        await within(settings.sessionMs * 1.2 + 2_000, () =>
          expect(center.get(item, waiting)).rejects.toThrow(),
        );
        await faults.resumeServer();
        await soon(async () => center.publish(item, "2", at.signal), "a write", recoveryMs);
        await shows(seen, "2", recoveryMs);
        expect(textsOf(seen)).toEqual(["1", "2"]);
      },
      "pause",
    );

    check(
      "tells that an item is gone when the server was wiped",
      async (at) => {
        const faults = faultsOf(at.harness, "wipe");
        const center = await at.client();
        const item = itemOf(at);
        await center.publish(item, "1", at.signal);
        const seen = at.follow(center.watch(item, at.signal));
        await shows(seen, "1");
        await faults.killServer();
        await faults.wipeServer();
        await faults.restartServer();
        await shows(seen, undefined, recoveryMs);
        await soon(() => center.publish(item, "2", at.signal, "absent"), "a write", recoveryMs);
        await shows(seen, "2", recoveryMs);
      },
      "wipe",
    );

    check(
      "disposes within two seconds while the server is away",
      async (at) => {
        const faults = faultsOf(at.harness, "kill");
        const center = await at.client();
        const item = itemOf(at);
        const seen = at.follow(center.watch(item, at.signal));
        await shows(seen, undefined);
        await faults.killServer();
        const writing = center.publish(item, "1", at.signal).catch(() => {});
        await within(2_500, () => center[Symbol.asyncDispose]());
        await within(1_000, () => seen.done);
        await within(1_000, () => writing);
        await faults.restartServer();
      },
      "kill",
    );
  });
}

type At = SuiteCase<ConfigCenter>;

/** An item that no other test uses. */
function itemOf(at: At): ConfigItem {
  return { key: `${at.name("app")}.configurators`, group: "dubbo" };
}

/** What was seen, but for what a write that was tried again has written again: that has another version. */
function textsOf({ values }: Seen): readonly (string | undefined)[] {
  return values
    .filter((record, index) => {
      const before = values[index - 1];
      const isAgain = before !== undefined && before.text === record?.text;
      return !isAgain || before.version === record.version;
    })
    .map((record) => record?.text);
}

async function versionOf(center: ConfigCenter, item: ConfigItem, at: At): Promise<string> {
  const record = await center.get(item, at.signal);
  if (record === undefined) throw new Error(`${item.group}/${item.key} is not there`);
  return record.version;
}
