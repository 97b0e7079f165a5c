import { InstanceParts } from "./instance-parts.js";
import { decodeInstance, encodeInstance } from "./instance-record.js";
import { endpoint } from "./endpoint.js";
import { matchKey, type ServiceInfo } from "./metadata-info.js";
import { decodeMetadata, encodeMetadata } from "./metadata-record.js";
import { revisionOf } from "./revision.js";
import { serviceKey } from "./service-key.js";

const greeter: ServiceInfo = {
  key: serviceKey("com.acme.Greeter", { group: "g1", version: "1.0.0" }),
  protocol: "dubbo",
  port: 20880,
  params: {
    application: "demo-app",
    dubbo: "2.0.2",
    group: "g1",
    "hello.timeout": "500",
    interface: "com.acme.Greeter",
    methods: "hello,bye",
    release: "3.3.2",
    serialization: "hessian2",
    side: "provider",
    timeout: "3000",
    version: "1.0.0",
  },
};
const echo: ServiceInfo = {
  key: serviceKey("com.acme.Echo"),
  protocol: "tri",
  port: 50051,
  params: {
    side: "provider",
    application: "demo-app",
    dubbo: "2.0.2",
    interface: "com.acme.Echo",
    methods: "echo",
    release: "3.3.2",
  },
};

describe("revision", () => {
  test("is the one that Java computes for the same metadata, in any order", () => {
    expect(revisionOf("demo-app", [greeter, echo])).toBe("2b04324bd248687484e2e65b1b9a3d16");
    expect(revisionOf("demo-app", [echo, greeter])).toBe("2b04324bd248687484e2e65b1b9a3d16");
  });

  test("changes with each part of the content, and is 0 for none", () => {
    const variants = [
      revisionOf("demo-app", [echo]),
      revisionOf("other-app", [echo]),
      revisionOf("demo-app", [{ ...echo, port: 50052 }]),
      revisionOf("demo-app", [{ ...echo, params: { ...echo.params, weight: "1" } }]),
    ];
    expect(new Set(variants).size).toBe(4);
    for (const revision of variants) expect(revision).toMatch(/^[0-9a-f]{32}$/);
    expect(revisionOf("demo-app", [])).toBe("0");
  });
});

describe("keys", () => {
  test("leave empty parts out, and version 0.0.0 too", () => {
    expect(serviceKey("a.B", { group: "g", version: "1" }).text).toBe("g/a.B:1");
    expect(serviceKey("a.B").text).toBe("a.B");
    expect(serviceKey("a.B", { version: "0.0.0" })).toEqual(serviceKey("a.B"));
    expect(matchKey(serviceKey("a.B"), "tri")).toBe("a.B:tri");
    expect(endpoint({ protocol: "dubbo", host: "::1", port: 1 }).key).toBe("dubbo://[::1]:1");
  });
});

describe("metadata record", () => {
  const metadata = decodeMetadata("demo-app", "r1", {
    services: { x: encodeService(greeter), y: encodeService(echo) },
  });

  test("comes back as it went, keyed by match key", () => {
    expect([...metadata.services.keys()].sort()).toEqual([
      "com.acme.Echo:tri",
      "g1/com.acme.Greeter:1.0.0:dubbo",
    ]);
    const again = decodeMetadata("demo-app", "r1", JSON.stringify(encodeMetadata(metadata)));
    expect(again).toEqual(metadata);
  });

  test("always has params, and the interface as its path", () => {
    const { services } = encodeMetadata(metadata) as {
      services: Record<string, { path: string; params: object }>;
    };
    expect(services["com.acme.Echo:tri"]).toMatchObject({
      path: "com.acme.Echo",
      params: { methods: "echo" },
    });
  });

  test("is read without group, version, port and params, from a Map, and with unknown keys", () => {
    const service = new Map<string, unknown>([
      ["name", "com.acme.Echo"],
      ["protocol", "tri"],
      ["tag", 1],
    ]);
    const services = new Map([["whatever", service]]);
    const read = decodeMetadata(
      "a",
      "r",
      new Map<string, unknown>([
        ["services", services],
        ["lastUpdatedTime", 5],
      ]),
    );
    expect([...read.services.values()]).toEqual([
      { key: serviceKey("com.acme.Echo"), protocol: "tri", port: undefined, params: {} },
    ]);
  });

  test("is read from objects of Java classes, as Hessian is decoded", () => {
    const service = {
      className: "org.apache.dubbo.metadata.MetadataInfo$ServiceInfo",
      fields: encodeService(echo),
    };
    const answer = {
      className: "org.apache.dubbo.metadata.MetadataInfo",
      fields: { services: { x: service } },
    };
    expect([...decodeMetadata("a", "r", answer).services.values()]).toEqual([echo]);
  });

  test.each([
    ["no JSON", "{", /no JSON/],
    ["an array", "[]", /no object with "services"/],
    ["null", null, /no object with "services"/],
    ["another revision", { revision: "r2", services: {} }, /the answer is of revision r2/],
    ["too long", " ".repeat(8 * 1024 * 1024 + 1), /characters, at most/],
  ])("is refused: %s", (_name, answer, message) => {
    expect(() => decodeMetadata("a", "r1", answer)).toThrow(
      expect.objectContaining({ code: "METADATA_INVALID" }),
    );
    expect(() => decodeMetadata("a", "r1", answer)).toThrow(message);
  });

  test("keeps names like __proto__ as data", () => {
    const text = '{"services":{"__proto__":{"name":"a.B","protocol":"tri","params":{"__proto__":"x"}}}}';
    const [service] = [...decodeMetadata("a", "r", text).services.values()];
    expect(Object.entries(service!.params)).toEqual([["__proto__", "x"]]);
    expect(({} as Record<string, unknown>)["x"]).toBeUndefined();
  });

  function encodeService({ key, protocol, port, params }: ServiceInfo) {
    return {
      name: key.serviceInterface,
      group: key.group,
      version: key.version,
      protocol,
      port,
      path: "p",
      params,
    };
  }
});

describe("instance record", () => {
  const java = {
    "dubbo.endpoints": '[{"port":20880,"protocol":"dubbo"},{"port":"50051","protocol":"tri"}]',
    "dubbo.metadata.revision": "2b04324bd248687484e2e65b1b9a3d16",
    "dubbo.metadata.storage-type": "local",
    "dubbo.metadata-service.url-params": '{"version":"1.0.0","port":"20880","protocol":"dubbo"}',
    "meta-v": "1.0.0",
    timestamp: "1700000000000",
    region: "hz",
  };

  test("of Java is read in all its parts, and other keys are kept", () => {
    const instance = decodeInstance({ application: "demo", host: "10.0.0.1", port: 20880, metadata: java });
    expect(instance).toMatchObject({
      id: "10.0.0.1:20880",
      revision: "2b04324bd248687484e2e65b1b9a3d16",
      storage: "local",
      metadataService: { protocol: "dubbo", port: 20880, version: "1.0.0" },
      weight: 1,
      enabled: true,
      healthy: true,
      startedAtMs: 1_700_000_000_000,
      labels: { region: "hz" },
    });
    expect({ ...instance.ports }).toEqual({ dubbo: 20880, tri: 50051 });
    expect(
      decodeInstance({
        application: "demo",
        host: "10.0.0.1",
        port: 20880,
        metadata: encodeInstance(instance),
      }),
    ).toEqual(instance);
  });

  test("shares with others what they say alike, and nothing else", () => {
    const parts = new InstanceParts();
    const read = (host: string, fields: object = {}) =>
      decodeInstance(
        {
          application: "a",
          host,
          port: 1,
          metadata: {
            "dubbo.endpoints": '[{"port":1,"protocol":"dubbo"}]',
            "dubbo.metadata-service.url-params": '{"port":"1","protocol":"dubbo"}',
            zone: "b",
            ...fields,
          },
        },
        parts,
      );
    const [one, two] = [read("h1"), read("h2")];
    expect([two.ports, two.labels, two.metadataService]).toEqual([
      { dubbo: 1 },
      { zone: "b" },
      { protocol: "dubbo", port: 1, version: "1.0.0" },
    ]);
    for (const key of ["ports", "labels", "metadataService"] as const) expect(two[key]).toBe(one[key]);
    expect(read("h3", { zone: "c", "meta-v": "2.0.0", "dubbo.endpoints": "?" })).toMatchObject({
      ports: {},
      labels: { zone: "c" },
      metadataService: { version: "2.0.0" },
    });
    for (let port = 2; port < 200; port += 1) {
      const endpoints = `[{"port":${port},"protocol":"dubbo"}]`;
      expect(read("h4", { "dubbo.endpoints": endpoints }).ports["dubbo"]).toBe(port);
    }
  });

  test("is written with texts only, as Go and Java insist", () => {
    const encoded = encodeInstance(
      decodeInstance({ application: "demo", host: "h", port: 1, metadata: java }),
    );
    for (const value of Object.values(encoded)) expect(typeof value).toBe("string");
    const params = JSON.parse(encoded["dubbo.metadata-service.url-params"]!) as Record<string, unknown>;
    expect(params).toMatchObject({ port: "20880", protocol: "dubbo", version: "1.0.0" });
    for (const { port } of JSON.parse(encoded["dubbo.endpoints"]!) as { port: unknown }[])
      expect(typeof port).toBe("number");
  });

  test.each(["0", "N/A", "", undefined])("with the revision %p offers nothing", (revision) => {
    const metadata = { "dubbo.metadata.revision": revision, "dubbo.endpoints": "no json" };
    const instance = decodeInstance({ application: "spring", host: "h", port: 1, metadata });
    expect(instance.revision).toBeUndefined();
    expect({ ...instance.ports }).toEqual({});
  });

  test.each([
    ["", 1],
    ["h", 0],
    ["h", 65_536],
    ["h", 1.5],
  ])("at %p:%p is none", (host, port) => {
    expect(() => decodeInstance({ application: "a", host, port, metadata: {} })).toThrow(
      expect.objectContaining({ code: "INSTANCE_INVALID" }),
    );
  });
});
