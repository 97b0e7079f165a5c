import { readFileSync } from "node:fs";
import { join } from "node:path";
import { serviceKey, silentLogger } from "@dubbo-ts/core";
import type { NacosInstance } from "@dubbo-ts/nacos-client";
import { recordingLogger, sampleServiceUrl } from "@dubbo-ts/testkit";
import { hostOfUrl, HostUrls } from "./host-urls.js";
import { keyOfName, namesOf, registeredName } from "./interface-names.js";

const recorded = JSON.parse(
  readFileSync(join(__dirname, "fixtures", "recorded-interface-hosts.json"), "utf8"),
) as Record<"java" | "go", NacosInstance>;

test("what Java 3.3.6 and dubbo-go 3.3.2 registered on Nacos is read", () => {
  const [java, go] = new HostUrls("recorded", silentLogger).read([recorded.java, recorded.go]);
  expect(java).toMatchObject({ protocol: "dubbo", host: "192.0.2.2", port: 21_144 });
  expect(java?.key.text).toBe("org.example.interop.UserService");
  expect(go).toMatchObject({ protocol: "tri", port: 23_525, path: "interop.v1.Greeter" });
  expect(Object.values(go?.params ?? {})).not.toContain("");
});

test("ours has the keys that Java writes", () => {
  const { timestamp: _ours, ...java } = recorded.java.metadata;
  const url = sampleServiceUrl({ serviceInterface: "org.example.interop.UserService", params: java });
  const { metadata, weight } = hostOfUrl(url, "DEFAULT", silentLogger);
  expect(metadata).toMatchObject(java);
  expect(weight).toBe(1);
});

test("an operator's zero is no traffic, what is switched off is left out, and what is ill where others are well", () => {
  const read = (...hosts: readonly Partial<NacosInstance>[]) =>
    new HostUrls("x", silentLogger).read(hosts.map((host) => ({ ...recorded.java, ...host })));
  expect(read({ weight: 0 })[0]?.params["weight"]).toBe("0");
  expect(read({ enabled: false })).toEqual([]);
  expect(read({ healthy: false })).toHaveLength(1);
  expect(read({ healthy: false }, { port: 2 }).map(({ port }) => port)).toEqual([2]);
});

test("a host that is no provider, or none that can be called, is left out with a word in the log", () => {
  const log = recordingLogger();
  const reader = new HostUrls("x", log);
  const { protocol: _protocol, ...without } = recorded.java.metadata;
  const rule = { ...recorded.java, metadata: { ...recorded.java.metadata, category: "configurators" } };
  expect(reader.read([{ ...recorded.java, metadata: without }, { ...recorded.java, port: 0 }, rule])).toEqual(
    [],
  );
  expect(log.entries).toHaveLength(2);
});

test("a long list of methods is left out before a server refuses it, then what only tunes; never what calls need", () => {
  const log = recordingLogger();
  const methods = Array.from({ length: 200 }, (_, index) => `method${index}`).join(",");
  const long = sampleServiceUrl({
    serviceInterface: "org.example.Long",
    params: { methods, version: "1.0.0", "hello.timeout": "500", token: "t", weight: "7" },
  });
  const { metadata = {} } = hostOfUrl(long, "DEFAULT", log);
  expect(metadata).not.toHaveProperty("methods");
  expect(metadata).toMatchObject({ "hello.timeout": "500", version: "1.0.0", token: "t", weight: "7" });
  expect(log.entries).toHaveLength(1);
  const many = Object.fromEntries(Array.from({ length: 60 }, (_, index) => [`own.parameter${index}`, "1"]));
  const wide = sampleServiceUrl({ serviceInterface: "org.example.Wide", params: { ...many, timeout: "9" } });
  expect(hostOfUrl(wide, "DEFAULT", log).metadata).toMatchObject({ timeout: "9", application: "sample-app" });
  const hopeless = sampleServiceUrl({
    serviceInterface: "org.example.Token",
    params: { token: "t".repeat(2_000) },
  });
  expect(() => hostOfUrl(hopeless, "DEFAULT", log)).toThrow(
    expect.objectContaining({ code: "INSTANCE_METADATA_TOO_LARGE" }),
  );
});

test("names have three colons always; those of Dubbo before 2.7.4 are read too", () => {
  expect(registeredName(serviceKey("a.B"))).toBe("providers:a.B::");
  expect(namesOf(serviceKey("a.B", { version: "1.0" }))).toEqual(["providers:a.B:1.0:", "providers:a.B:1.0"]);
  expect(namesOf(serviceKey("a.B", { version: "1.0", group: "g" }))).toEqual(["providers:a.B:1.0:g"]);
  expect(namesOf(serviceKey("a.B", { version: "*" }))).toBeUndefined();
  expect(registeredName(serviceKey("a.B$C"))).toBe("providers:a.B___C::");
  expect(keyOfName("providers:a.B:1.0:g")?.text).toBe("g/a.B:1.0");
  for (const other of ["demo-app", "consumers:a.B::", "providers:a.B", "providers:::"])
    expect(keyOfName(other)).toBeUndefined();
});
