import { serviceKey } from "@dubbo-ts/core";
import fc from "fast-check";
import { describeServices, type ExportedService } from "./describe-services.js";
import { createMetadataService } from "./metadata-service.js";
import { MetadataStore } from "./metadata-store.js";
import { fakeClock, sampleMetadata } from "@dubbo-ts/testkit";

function exported(fields: Partial<ExportedService> = {}): ExportedService {
  return {
    key: serviceKey("org.example.Greeter"),
    protocol: "dubbo",
    port: 20_880,
    methods: ["hello", "bye"],
    options: {},
    ...fields,
  };
}

describe("describeServices", () => {
  test("gives the parameters that Java's consumers read", () => {
    const metadata = describeServices("demo-app", [
      exported({
        key: serviceKey("org.example.Greeter", { group: "g1", version: "1.0.0" }),
        options: {
          timeoutMs: 3_000,
          weight: 50,
          warmupMs: 60_000,
          retries: 1,
          token: "secret",
          tag: "gray",
          loadbalance: "random",
          cluster: "failfast",
          methods: { hello: { timeoutMs: 500, retries: 0, weight: 10, loadbalance: "leastactive" } },
          params: { owner: "me" },
        },
      }),
    ]);
    const service = metadata.services.get("g1/org.example.Greeter:1.0.0:dubbo");
    expect(service).toMatchObject({ protocol: "dubbo", port: 20_880 });
    expect(service?.params).toEqual({
      application: "demo-app",
      cluster: "failfast",
      dubbo: "2.0.2",
      "dubbo.tag": "gray",
      group: "g1",
      "hello.loadbalance": "leastactive",
      "hello.retries": "0",
      "hello.timeout": "500",
      "hello.weight": "10",
      interface: "org.example.Greeter",
      loadbalance: "random",
      methods: "hello,bye",
      owner: "me",
      "prefer.serialization": "hessian2",
      release: expect.stringMatching(/^dubbo-ts-/) as string,
      retries: "1",
      serialization: "hessian2",
      side: "provider",
      timeout: "3000",
      token: "secret",
      version: "1.0.0",
      warmup: "60000",
      weight: "50",
    });
  });

  test("names no serialization for protobuf: Go's consumers would encode messages by it", () => {
    const [service] = describeServices("app", [
      exported({ protocol: "tri", protobuf: true }),
    ]).services.values();
    expect(Object.keys(service?.params ?? {}).filter((name) => name.includes("serialization"))).toEqual([]);
  });

  test("leaves out what differs from process to process, whatever its case and for methods too", () => {
    const params = {
      timestamp: "1",
      PID: "7",
      "bind.ip": "10.0.0.1",
      "hello.timestamp": "2",
      "qos.port": "22222",
      ipv6: "::1",
      region: "eu",
    };
    const [service] = describeServices("app", [exported({ options: { params } })]).services.values();
    expect(Object.keys(service?.params ?? {}).filter((name) => name in params)).toEqual(["region"]);
  });

  test("gives equal revisions for equal services in any order, and another when one is added", () => {
    const services = ["A", "B", "C"].map((name) => exported({ key: serviceKey(`org.example.${name}`) }));
    const { revision } = describeServices("app", services);
    expect(revision).toMatch(/^[0-9a-f]{32}$/);
    expect(describeServices("app", services.toReversed()).revision).toBe(revision);
    expect(describeServices("app", services.slice(1)).revision).not.toBe(revision);
    expect(describeServices("other", services).revision).not.toBe(revision);
  });

  test("gives the empty revision for no services", () => {
    expect(describeServices("app", [])).toEqual({ application: "app", revision: "0", services: new Map() });
  });

  test("never uses version 0.0.0, about whose key Java and Go differ", () => {
    const metadata = describeServices("app", [
      exported({ key: serviceKey("org.example.Greeter", { version: "0.0.0" }) }),
    ]);
    expect([...metadata.services.keys()]).toEqual(["org.example.Greeter:dubbo"]);
  });

  test("refuses one key over one protocol twice, and takes it over two", () => {
    expect(() => describeServices("app", [exported(), exported({ port: 20_881 })])).toThrow(
      expect.objectContaining({ code: "SERVICE_ALREADY_EXPORTED" }),
    );
    expect(describeServices("app", [exported(), exported({ protocol: "tri" })]).services.size).toBe(2);
  });

  test("gives one revision for every order of services and parameters", () => {
    const params = fc.dictionary(fc.stringMatching(/^[a-z]{1,8}$/), fc.string({ maxLength: 8 }));
    const service = fc.record({ name: fc.stringMatching(/^[A-Z][a-z]{1,6}$/), params });
    fc.assert(
      fc.property(fc.uniqueArray(service, { selector: ({ name }) => name, maxLength: 6 }), (services) => {
        const make = (list: typeof services, flip: boolean) =>
          describeServices(
            "app",
            list.map(({ name, params: own }) => {
              const entries = Object.entries(own);
              const ordered = Object.fromEntries(flip ? entries.reverse() : entries);
              return exported({ key: serviceKey(`org.example.${name}`), options: { params: ordered } });
            }),
          ).revision;
        expect(make(services.toReversed(), true)).toBe(make(services, false));
      }),
    );
  });
});

describe("MetadataStore", () => {
  test("answers for the present revision and earlier ones, and not for unknown ones", () => {
    const store = new MetadataStore({ clock: fakeClock() });
    const [one, two] = [sampleMetadata("app", 1), sampleMetadata("app", 2)];
    store.offer(one);
    store.offer(two);
    expect(store.lookup(one.revision)).toBe(one);
    expect(store.lookup(two.revision)).toBe(two);
    expect(store.lookup("unknown")).toBeUndefined();
    expect(store.lookup("0")).toBeUndefined();
  });

  test("keeps every revision for ten minutes after it was replaced, and sixteen whatever their age", async () => {
    const clock = fakeClock();
    const store = new MetadataStore({ clock });
    const all = Array.from({ length: 40 }, (_, index) => sampleMetadata("app", index + 1));
    for (const metadata of all) store.offer(metadata);
    expect(all.every(({ revision }) => store.lookup(revision) !== undefined)).toBe(true);
    await clock.advance(599_000);
    store.offer(sampleMetadata("app", 100));
    expect(all.every(({ revision }) => store.lookup(revision) !== undefined)).toBe(true);
    await clock.advance(2_000);
    store.offer(sampleMetadata("app", 101));
    expect(all.filter(({ revision }) => store.lookup(revision) !== undefined)).toHaveLength(14);
  });

  test("counts the ten minutes from the moment of replacement, not of creation", async () => {
    const clock = fakeClock();
    const store = new MetadataStore({ clock, capacity: 1 });
    const [old, next] = [sampleMetadata("app", 1), sampleMetadata("app", 2)];
    store.offer(old);
    await clock.advance(3_600_000);
    store.offer(next);
    expect(store.lookup(old.revision)).toBe(old);
  });

  test("makes a revision that returns the present one again", async () => {
    const clock = fakeClock();
    const store = new MetadataStore({ clock, capacity: 1 });
    const [one, two] = [sampleMetadata("app", 1), sampleMetadata("app", 2)];
    for (const metadata of [one, two, one]) store.offer(metadata);
    await clock.advance(700_000);
    store.offer(one);
    expect(store.lookup(one.revision)).toBe(one);
    expect(store.lookup(two.revision)).toBeUndefined();
  });
});

describe("createMetadataService", () => {
  test("answers with the fields that Java and Go read, and null for an unknown revision", async () => {
    const service = createMetadataService("demo-app");
    const metadata = describeServices("demo-app", [
      exported({ key: serviceKey("org.example.Greeter", { version: "1.0.0" }) }),
    ]);
    service.store.offer(metadata);
    expect(service.key.text).toBe("demo-app/org.apache.dubbo.metadata.MetadataService:1.0.0");
    const answer = await service.implementation.getMetadataInfo(metadata.revision);
    expect(answer).toMatchObject({ app: "demo-app", revision: metadata.revision });
    expect(answer?.services.get("org.example.Greeter:1.0.0:dubbo")).toMatchObject({
      name: "org.example.Greeter",
      path: "org.example.Greeter",
      version: "1.0.0",
      group: null,
      protocol: "dubbo",
      port: 20_880,
    });
    expect(await service.implementation.getMetadataInfo("unknown")).toBeNull();
  });

  test("is described by the classes of Java", () => {
    const { definition } = createMetadataService("demo-app");
    expect(definition.serviceInterface).toBe("org.apache.dubbo.metadata.MetadataService");
    expect(definition.methods.getMetadataInfo.descriptor).toBe("Ljava/lang/String;");
    expect(JSON.stringify(definition.methods.getMetadataInfo.result)).toContain(
      "org.apache.dubbo.metadata.MetadataInfo$ServiceInfo",
    );
  });
});
