import { readFileSync } from "node:fs";
import { join } from "node:path";
import { revisionOf } from "@dubbo-ts/core";
import { ZooKeeperError } from "@dubbo-ts/zookeeper-client";
import { decodeInstanceJson } from "./instance-json.js";
import type { ZooKeeperConnection } from "./zookeeper-connection.js";
import { zookeeperMetadataReport } from "./zookeeper-metadata-report.js";

/** What programs on Apache Dubbo for Java 3.3.6 and on dubbo-go 3.3.2 left in a ZooKeeper: content by path, by case. */
const recorded = JSON.parse(
  readFileSync(join(__dirname, "fixtures", "recorded-nodes.json"), "utf8"),
) as Readonly<Record<string, Readonly<Record<string, string>>>>;

const never = new AbortController().signal;

/** A report over a tree that stands still. */
function reportOver(nodes: Readonly<Record<string, string>>) {
  const client = {
    sync: async () => undefined,
    async getData(path: string) {
      const text = nodes[path];
      if (text === undefined) throw new ZooKeeperError("NO_NODE", `${path} is not there`);
      return { data: Buffer.from(text, "utf8"), stat: { version: 0 } };
    },
  };
  const connection = { name: "zookeeper://recorded", client, metadataRoot: "/dubbo", resyncMs: 60_000 };
  return zookeeperMetadataReport({ connection: connection as unknown as ZooKeeperConnection });
}

function below(nodes: Readonly<Record<string, string>>, prefix: string) {
  return Object.entries(nodes)
    .filter(([path]) => path.startsWith(prefix))
    .map(([path, text]) => ({ parts: path.slice(prefix.length).split("/"), text }));
}

describe.each(Object.entries(recorded))("the tree of %s", (name, nodes) => {
  const instances = below(nodes, "/services/").map(({ parts: [application = "", id], text }) => ({
    id,
    instance: decodeInstanceJson(application, Buffer.from(text, "utf8")),
  }));

  test("has instances whose every part is read", () => {
    for (const { id, instance } of instances) {
      expect(instance).toMatchObject({ id, enabled: true, healthy: true, weight: 1 });
      expect(instance.revision).toMatch(/^([0-9a-f]{32}|[0-9a-f]{128})$/);
      expect(Object.values(instance.ports)).toContain(instance.port);
      expect(instance.metadataService === undefined).toBe(instance.storage === "remote");
    }
    expect(instances.length === 0).toBe(name.includes("interface"));
  });

  test("has the metadata of each instance that keeps it remotely, under its path or Go's", async () => {
    const report = await reportOver(nodes);
    for (const { instance } of instances) {
      const { application, storage, revision = "" } = instance;
      const metadata = await report.fetch(application, revision, never);
      expect(metadata === undefined).toBe(storage === "local");
      if (metadata === undefined) continue;
      expect([...metadata.services.keys()].join()).toMatch(/org\.example\.interop\.|interop\.v1\./);
      // Go hashes otherwise, and its revisions are taken as they are.
      if (name.startsWith("java")) expect(revisionOf(application, metadata.services.values())).toBe(revision);
    }
  });

  test("maps each interface to the application", async () => {
    const report = await reportOver(nodes);
    for (const { parts, text } of below(nodes, "/dubbo/mapping/")) {
      const { applications } = await report.readMapping(parts.join("/"), never);
      expect([...applications].join(",")).toBe(text);
    }
  });
});
