import { readFileSync } from "node:fs";
import { join } from "node:path";
import { revisionOf, silentLogger } from "@dubbo-ts/core";
import type { ConfigKey, NacosConfig, NacosInstance } from "@dubbo-ts/nacos-client";
import { HostDecoder } from "./host-decoder.js";
import { NacosMetadataReport } from "./nacos-metadata-report.js";

interface Recorded {
  /** By application. */
  readonly instances: Readonly<Record<string, readonly NacosInstance[]>>;
  readonly configs: readonly (ConfigKey & { readonly content: string })[];
}

/** What programs on Apache Dubbo for Java 3.3.6 and on dubbo-go 3.3.2 left in a Nacos 3.1, by case. */
const recorded = JSON.parse(readFileSync(join(__dirname, "fixtures", "recorded.json"), "utf8")) as Readonly<
  Record<string, Recorded>
>;

const never = new AbortController().signal;

/** A report over texts that stand still. */
function reportOver(configs: Recorded["configs"]) {
  const config = {
    async get({ dataId, group }: ConfigKey) {
      const found = configs.find((each) => each.dataId === dataId && each.group === group);
      return found && { content: found.content, md5: "" };
    },
  } as unknown as NacosConfig;
  return new NacosMetadataReport({ name: "nacos://recorded", config, legacyGroup: "DEFAULT_GROUP" });
}

describe.each(Object.entries(recorded))("what Nacos holds of %s", (name, { instances, configs }) => {
  const applications = Object.entries(instances)
    .filter(([application]) => !application.includes(":"))
    .map(([application, hosts]) => ({ application, hosts }));
  const decoded = applications.flatMap(({ application, hosts }) =>
    new HostDecoder(application, silentLogger).decode(hosts),
  );

  test("are instances whose every part is read", () => {
    for (const instance of decoded) {
      expect(instance).toMatchObject({ enabled: true, healthy: true, weight: 1 });
      expect(instance.revision).toMatch(/^([0-9a-f]{32}|[0-9a-f]{128})$/);
      expect(Object.values(instance.ports)).toContain(instance.port);
      expect(instance.metadataService === undefined).toBe(instance.storage === "remote");
    }
    expect(decoded.length === 0).toBe(name.includes("interface"));
  });

  test("is the metadata of each instance that keeps it remotely", async () => {
    const report = reportOver(configs);
    for (const { application, storage, revision = "" } of decoded) {
      if (storage === "local") continue;
      const metadata = await report.fetch(application, revision, never);
      expect([...(metadata?.services.keys() ?? [])].join()).toMatch(/org\.example\.interop\.|interop\.v1\./);
      if (name.startsWith("java"))
        expect(revisionOf(application, metadata?.services.values() ?? [])).toBe(revision);
    }
  });

  test("maps each interface to its applications, in their order", async () => {
    const report = reportOver(configs);
    for (const { dataId, group, content } of configs) {
      if (group !== "mapping") continue;
      const mapping = await report.readMapping(dataId, never);
      expect([...mapping.applications].join(",")).toBe(content);
    }
  });
});
