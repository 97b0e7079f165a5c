import { type MetadataInfo, matchKey, revisionOf, type ServiceInfo, serviceKey } from "@dubbo-ts/core";
import type { MetadataReport } from "@dubbo-ts/metadata";
import { faultsOf, type Harness, type SuiteOptions, suiteDefaults } from "./faults.js";
import { suiteCheck } from "./suite-check.js";
import { waitFor } from "./wait-for.js";

/** A store may be asked for it now and then, every ten seconds at least; a busy machine needs some room. */
const noticeMs = 20_000;

/**
 * The contract of `MetadataReport` as jest tests. Call it at the top level of a test file. `factory` gives one
 * server and clients of it, anew for each test. Of the faults it uses `kill`, `wipe` and `blackhole`.
 */
export function metadataReportSuite(
  name: string,
  factory: () => Promise<Harness<MetadataReport>>,
  options: SuiteOptions = {},
): void {
  const settings = suiteDefaults(options);
  const { propagationMs, recoveryMs } = settings;
  const check = suiteCheck(factory, settings.lacks);
  const soon = (condition: () => unknown, what: string, timeoutMs = propagationMs) =>
    waitFor(condition, { timeoutMs, what });

  describe(`${name} as a metadata report`, () => {
    check("gives back what another client published", async (at) => {
      const metadata = sampleMetadata(at.name("app"));
      await (await at.client()).publish(metadata, at.signal);
      const reader = await at.client();
      expect(await reader.fetch(metadata.application, metadata.revision, at.signal)).toEqual(metadata);
    });

    check("has nothing under a revision that nobody published", async (at) => {
      const report = await at.client();
      expect(await report.fetch(at.name("app"), "0123456789abcdef", at.signal)).toBeUndefined();
    });

    check("keeps several revisions and publishes one twice without harm", async (at) => {
      const report = await at.client();
      const application = at.name("app");
      const [one, two] = [sampleMetadata(application, 20_881), sampleMetadata(application, 20_882)];
      await report.publish(one, at.signal);
      await report.publish(two, at.signal);
      await report.publish(one, at.signal);
      expect(await report.fetch(application, one.revision, at.signal)).toEqual(one);
      expect(await report.fetch(application, two.revision, at.signal)).toEqual(two);
    });

    check(
      "tells whether there are metadata under a revision, and when somebody publishes them",
      async (at) => {
        const [writer, reader] = [await at.client(), await at.client()];
        const metadata = sampleMetadata(at.name("app"));
        const { application, revision } = metadata;
        const early = at.follow(reader.watchMetadata(application, revision, at.signal));
        await soon(() => early.latest === false, "that there are none", noticeMs);
        await writer.publish(metadata, at.signal);
        await soon(() => early.latest === true, "that there are some", noticeMs);
        const late = at.follow(reader.watchMetadata(application, revision, at.signal));
        await soon(() => late.latest === true, "that there are some", noticeMs);
        expect(late.values).toEqual([true]);
      },
    );

    check("reads a mapping that nobody wrote as empty, without a version", async (at) => {
      const record = await (await at.client()).readMapping(`org.example.${at.name("None")}`, at.signal);
      expect(record).toEqual({ applications: new Set(), version: undefined });
    });

    check("writes a mapping only over the version that was read", async (at) => {
      const [one, two] = [await at.client(), await at.client()];
      const service = `org.example.${at.name("Greeter")}`;
      expect(await write(one, service, ["order-service"], undefined, at.signal)).toBe(true);
      expect(await write(two, service, ["lost"], undefined, at.signal)).toBe(false);
      const read = await two.readMapping(service, at.signal);
      expect([...read.applications]).toEqual(["order-service"]);
      expect(await write(two, service, ["order-service", "order"], read.version, at.signal)).toBe(true);
      expect(await write(one, service, ["order-service", "lost"], read.version, at.signal)).toBe(false);
      expect([...(await one.readMapping(service, at.signal)).applications]).toEqual([
        "order-service",
        "order",
      ]);
    });

    check("loses no application when ten clients write at once", async (at) => {
      const service = `org.example.${at.name("Busy")}`;
      const names = Array.from({ length: 10 }, (_, index) => `app-${index}`);
      await Promise.all(
        names.map(async (application) => {
          const report = await at.client();
          for (;;) {
            const { applications, version } = await report.readMapping(service, at.signal);
            if (await write(report, service, [...applications, application], version, at.signal)) return;
          }
        }),
      );
      const { applications } = await (await at.client()).readMapping(service, at.signal);
      expect([...applications].sort()).toEqual(names);
    });

    check("shows a mapping that is made later, and each change", async (at) => {
      const [writer, reader] = [await at.client(), await at.client()];
      const service = `org.example.${at.name("Later")}`;
      const seen = at.follow(reader.watchMapping(service, at.signal));
      await soon(() => seen.latest?.size === 0, "an empty mapping");
      await write(writer, service, ["first"], undefined, at.signal);
      await soon(() => seen.latest?.has("first"), "the first application");
      const { version } = await writer.readMapping(service, at.signal);
      await write(writer, service, ["first", "second"], version, at.signal);
      await soon(() => seen.latest?.has("second") && seen.latest.has("first"), "both applications");
    });

    check("ends a watch when its signal aborts, and at once when it had aborted before", async (at) => {
      const report = await at.client();
      const stop = new AbortController();
      const seen = at.follow(report.watchMapping("org.example.Ends", stop.signal));
      await soon(() => seen.latest !== undefined, "a first value");
      stop.abort();
      await seen.done;
      await at.follow(report.watchMapping("org.example.Ends", stop.signal)).done;
      await at.follow(report.watchMetadata("app", "ends", stop.signal)).done;
    });

    check("ends a watch of metadata when its signal aborts", async (at) => {
      const stop = new AbortController();
      const seen = at.follow((await at.client()).watchMetadata("app", "ends", stop.signal));
      await soon(() => seen.latest === false, "a first value", recoveryMs);
      stop.abort();
      await seen.done;
    });

    check("keeps names with a dollar sign, and texts beyond ASCII", async (at) => {
      const report = await at.client();
      const service = `org.example.${at.name("Outer")}$Inner`;
      await write(report, service, ["some-app"], undefined, at.signal);
      expect([...(await report.readMapping(service, at.signal)).applications]).toEqual(["some-app"]);
      const metadata = sampleMetadata(at.name("app"), 20_880, { description: "größer, 漢字 <&=>" });
      await report.publish(metadata, at.signal);
      expect(await report.fetch(metadata.application, metadata.revision, at.signal)).toEqual(metadata);
    });

    check("keeps metadata of several hundred services", async (at) => {
      const report = await at.client();
      const metadata = sampleMetadata(at.name("app"), 20_880, { methods: "m".repeat(600) }, 500);
      await report.publish(metadata, at.signal);
      expect(await report.fetch(metadata.application, metadata.revision, at.signal)).toEqual(metadata);
    });

    check("rejects with the signal's reason when it has aborted", async (at) => {
      const report = await at.client();
      const reason = new Error("not any more");
      const signal = AbortSignal.abort(reason);
      await expect(report.fetch("app", "revision", signal)).rejects.toBe(reason);
      await expect(report.readMapping("org.example.Any", signal)).rejects.toBe(reason);
    });

    check("disposes twice without harm, and ends its watches", async (at) => {
      const report = await at.client();
      const seen = at.follow(report.watchMapping("org.example.Any", at.signal));
      const present = at.follow(report.watchMetadata("app", "any", at.signal));
      const isBegun = () => seen.latest !== undefined && present.latest !== undefined;
      await soon(isBegun, "first values", recoveryMs);
      await Promise.all([report[Symbol.asyncDispose](), report[Symbol.asyncDispose]()]);
      await report[Symbol.asyncDispose]();
      await Promise.all([seen.done, present.done]);
    });

    check(
      "keeps metadata and mappings through a kill and a restart, and shows changes after it",
      async (at) => {
        const faults = faultsOf(at.harness, "kill");
        const report = await at.client();
        const service = `org.example.${at.name("Kept")}`;
        const metadata = sampleMetadata(at.name("app"));
        await report.publish(metadata, at.signal);
        await write(report, service, ["first"], undefined, at.signal);
        const seen = at.follow(report.watchMapping(service, at.signal));
        await soon(() => seen.latest?.has("first"), "the first application");
        await faults.killServer();
        await faults.restartServer();
        const fresh = await at.client();
        expect(await fresh.fetch(metadata.application, metadata.revision, at.signal)).toEqual(metadata);
        const { version } = await fresh.readMapping(service, at.signal);
        await write(fresh, service, ["first", "second"], version, at.signal);
        await soon(() => seen.latest?.has("second"), "the second application", recoveryMs);
      },
      "kill",
    );

    check(
      "tells that a mapping is gone when the server was wiped, and metadata, or that they were written again",
      async (at) => {
        const faults = faultsOf(at.harness, "wipe");
        const report = await at.client();
        const service = `org.example.${at.name("Wiped")}`;
        await write(report, service, ["first"], undefined, at.signal);
        const seen = at.follow(report.watchMapping(service, at.signal));
        await soon(() => seen.latest?.has("first"), "the first application");
        const metadata = sampleMetadata(at.name("app"));
        const { application, revision } = metadata;
        await report.publish(metadata, at.signal);
        const present = at.follow(report.watchMetadata(application, revision, at.signal));
        await soon(() => present.latest === true, "the metadata", recoveryMs);
        await faults.killServer();
        await faults.wipeServer();
        await faults.restartServer();
        await soon(() => seen.latest?.size === 0, "an empty mapping", recoveryMs);
        const fresh = await at.client();
        // A report that keeps what it published may be quicker than its watch.
        const isToldOrBack = async () =>
          present.latest === false || (await fresh.fetch(application, revision, at.signal)) !== undefined;
        await soon(isToldOrBack, "that the metadata are gone", recoveryMs);
      },
      "wipe",
    );

    check(
      "ends a fetch from a black hole with its signal",
      async (at) => {
        const faults = faultsOf(at.harness, "blackhole");
        const report = await at.client();
        await report.fetch("app", "revision", at.signal);
        await faults.blackhole();
        const stop = new AbortController();
        setTimeout(() => stop.abort(new Error("deadline")), 300);
        await expect(report.fetch("app", "revision", stop.signal)).rejects.toThrow();
        await faults.heal();
      },
      "blackhole",
    );
  });
}

/** Metadata of an application that offers `services` interfaces over dubbo. Equal arguments give equal revisions. */
export function sampleMetadata(
  application: string,
  port = 20_880,
  params: Readonly<Record<string, string>> = {},
  services = 2,
): MetadataInfo {
  const offered = Array.from({ length: services }, (_, index): ServiceInfo => {
    const key = serviceKey(`org.example.Service${index}`, index === 0 ? {} : { version: "1.0.0" });
    return {
      key,
      protocol: "dubbo",
      port,
      params: { application, interface: key.serviceInterface, side: "provider", ...params },
    };
  });
  return {
    application,
    revision: revisionOf(application, offered),
    services: new Map(offered.map((service) => [matchKey(service.key, service.protocol), service])),
  };
}

function write(
  report: MetadataReport,
  service: string,
  applications: readonly string[],
  version: string | undefined,
  signal: AbortSignal,
): Promise<boolean> {
  return report.writeMapping(service, { applications: new Set(applications), version }, signal);
}
