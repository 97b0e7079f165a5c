import { readFileSync } from "node:fs";
import { join } from "node:path";
import { decodeMetadata } from "@dubbo-ts/core";
import { decodeInstanceJson } from "./instance-json.js";

/** What programs on dubbo-go 3.3.2 left in an etcd: values by key, by case. Java has no part on etcd. */
const recorded = JSON.parse(
  readFileSync(join(__dirname, "fixtures", "recorded-keys.json"), "utf8"),
) as Readonly<Record<string, Readonly<Record<string, string>>>>;

describe.each(Object.entries(recorded))("the keys of %s", (name, keys) => {
  const instances = Object.entries(keys)
    .filter(([key]) => key.startsWith("/services/"))
    .map(([key, value]) => {
      const [, , application = "", id] = key.split("/");
      return { id, instance: decodeInstanceJson(application, Buffer.from(value, "utf8")) };
    });

  test("hold instances whose every part is read, weight 0 as the default", () => {
    for (const { id, instance } of instances) {
      expect(instance).toMatchObject({ id, enabled: true, healthy: true, weight: 1 });
      expect(instance.revision).toMatch(/^[0-9a-f]{128}$/);
      expect(Object.values(instance.ports)).toContain(instance.port);
    }
    expect(instances.length === 0).toBe(name.includes("interface"));
  });

  test("hold the metadata of each instance that keeps it remotely", () => {
    for (const { instance } of instances) {
      const { application, storage, revision = "" } = instance;
      const text = keys[`/dubbo/${application}/${revision}`];
      expect(text === undefined).toBe(storage === "local");
      if (text === undefined) continue;
      const metadata = decodeMetadata(application, revision, text);
      expect([...metadata.services.keys()]).toEqual(["interop.v1.Greeter:tri"]);
    }
  });
});
