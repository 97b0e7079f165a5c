import { decodeMetadata } from "@dubbo-ts/core";
import { recordingLogger, sampleInstance } from "@dubbo-ts/testkit";
import { parseEtcdAddress } from "./etcd-address.js";
import { tlsOf } from "./etcd-tls.js";
import { decodeInstanceJson, encodeInstanceJson } from "./instance-json.js";
import { InstanceReader } from "./instance-reader.js";

/** As dubbo-go 3.3.2 wrote it, the line's end included: metadata in the provider. */
const goLocal =
  '{"ID":"127.0.0.1:23510","ServiceName":"go-demo","Host":"127.0.0.1","Port":23510,"Weight":0,"Enable":true,"Healthy":true,"Metadata":{"dubbo.endpoints":"[{\\"port\\":23510,\\"protocol\\":\\"dubbo\\"}]","dubbo.metadata-service.url-params":"{\\"group\\":\\"go-demo\\",\\"port\\":\\"23510\\",\\"protocol\\":\\"dubbo\\",\\"release\\":\\"3.3.2\\",\\"serialization\\":\\"hessian2\\",\\"version\\":\\"1.0.0\\"}","dubbo.metadata.revision":"4e54760cb5940cb565256fa081ece6b4e4930c81cd60ba42d1f298fff46f053dba19e2148a3babc0237c7456af92271a1c12eb9c33e64c39fc0c3007b9dd4a01","dubbo.metadata.storage-type":"local","dubbo.subscribed-services.revision":"0","meta-v":"1.0.0","registry.id":"reg"},"ServiceMetadata":{"app":"go-demo","revision":"4e54760cb5940cb565256fa081ece6b4e4930c81cd60ba42d1f298fff46f053dba19e2148a3babc0237c7456af92271a1c12eb9c33e64c39fc0c3007b9dd4a01","services":{"org.example.interop.UserService:dubbo":{"name":"org.example.interop.UserService","protocol":"dubbo","port":23510,"path":"org.example.interop.UserService","params":{"application":"go-demo","cluster":"failover","loadbalance":"random","methods":"AddDecimal,addDecimal,AddInt,addInt,AddLong,addLong,Attachments,attachments,Echo,echo,EchoUser,echoUser,Fail,fail,Fire,fire,Flip,flip,GetUser,getUser,Half,half,ListUsers,listUsers,MapUsers,mapUsers,Not,not,Nothing,nothing,PlusDay,plusDay,Reverse,reverse,Slow,slow,Whoami,whoami","release":"dubbo-golang-3.3.2","serialization":"hessian2","timestamp":"1795232751","weight":"0"}}}},"Address":"","GroupName":"","Tag":""}\n';

/** The same over triple, metadata in the report. */
const goRemote =
  '{"ID":"127.0.0.1:23511","ServiceName":"go-demo","Host":"127.0.0.1","Port":23511,"Weight":0,"Enable":true,"Healthy":true,"Metadata":{"dubbo.endpoints":"[{\\"port\\":23511,\\"protocol\\":\\"tri\\"}]","dubbo.metadata.revision":"2e915b079ee841d89332428aa8b86deec6dfbf12393bd415bcaf759b86dbb626fb45d9e5f755164a61c200808e0e76cf9e82002f44e58e35970e0ff469bae656","dubbo.metadata.storage-type":"remote","dubbo.subscribed-services.revision":"0","registry.id":"reg"},"ServiceMetadata":{"app":"go-demo","revision":"2e915b079ee841d89332428aa8b86deec6dfbf12393bd415bcaf759b86dbb626fb45d9e5f755164a61c200808e0e76cf9e82002f44e58e35970e0ff469bae656","services":{"interop.v1.Greeter:tri":{"name":"interop.v1.Greeter","protocol":"tri","port":23511,"path":"interop.v1.Greeter","params":{"application":"go-demo","cluster":"failover","loadbalance":"random","methods":"Chat,chat,Count,count,Fail,fail,SayHello,sayHello,Sum,sum","release":"dubbo-golang-3.3.2","timestamp":"1795232758","weight":"0"}}}},"Address":"","GroupName":"","Tag":""}\n';

/** The metadata to it, with the time that dubbo-go adds. */
const goMetadata =
  '{"app":"go-demo","revision":"2e915b079ee841d89332428aa8b86deec6dfbf12393bd415bcaf759b86dbb626fb45d9e5f755164a61c200808e0e76cf9e82002f44e58e35970e0ff469bae656","services":{"interop.v1.Greeter:tri":{"name":"interop.v1.Greeter","protocol":"tri","port":23511,"path":"interop.v1.Greeter","params":{"application":"go-demo","cluster":"failover","loadbalance":"random","methods":"Chat,chat,Count,count,Fail,fail,SayHello,sayHello,Sum,sum","release":"dubbo-golang-3.3.2","timestamp":"1795232758","weight":"0"}}},"lastUpdatedTime":1795232758645}';

/** Both spellings, as a Go consumer 3.3.2 was seen to use it. */
const both =
  '{"ID":"10.0.0.1:50051","ServiceName":"demo-app","Host":"10.0.0.1","Port":50051,"Weight":100,"Enable":true,"Healthy":true,"Metadata":{"dubbo.metadata.revision":"r"},"serviceName":"demo-app","host":"10.0.0.1","port":50051,"enabled":true,"healthy":true,"metadata":{"dubbo.metadata.revision":"r"}}';

/** As Gson writes it in Java's extension for etcd. */
const java =
  '{"serviceName":"demo-app","host":"10.0.0.1","port":20880,"enabled":false,"healthy":true,"metadata":{"k":"v"}}';

const read = (application: string, text: string) =>
  decodeInstanceJson(application, Buffer.from(text, "utf8"));

describe("an instance's value", () => {
  test("of Go is read, with the weight that it means and not the one that it writes", () => {
    expect(read("go-demo", goLocal)).toMatchObject({
      application: "go-demo",
      id: "127.0.0.1:23510",
      host: "127.0.0.1",
      port: 23510,
      ports: { dubbo: 23510 },
      storage: "local",
      metadataService: { protocol: "dubbo", port: 23510, version: "1.0.0" },
      revision: expect.stringMatching(/^4e54760c/) as string,
      weight: 1,
      enabled: true,
      healthy: true,
      labels: { "registry.id": "reg", "dubbo.subscribed-services.revision": "0" },
    });
    expect(read("go-demo", goRemote)).toMatchObject({
      ports: { tri: 23511 },
      storage: "remote",
      metadataService: undefined,
    });
    expect(read("go-demo", goLocal.replace('"Weight":0', '"Weight":250')).weight).toBe(2.5);
  });

  test("of Java is read, and one in both spellings too", () => {
    expect(read("demo-app", java)).toMatchObject({
      id: "10.0.0.1:20880",
      enabled: false,
      healthy: true,
      weight: 1,
      labels: { k: "v" },
    });
    expect(read("demo-app", both)).toMatchObject({ id: "10.0.0.1:50051", revision: "r", weight: 1 });
  });

  test("of ours has Go's fields first and Java's after them, each with all there is to know", () => {
    const instance = sampleInstance({ labels: { zone: "größer" }, tag: "gray" });
    const record = JSON.parse(encodeInstanceJson(instance).toString("utf8")) as Record<string, unknown>;
    expect(Object.keys(record)).toEqual(Object.keys(JSON.parse(both) as object));
    expect(record).toMatchObject({
      ID: "10.0.0.1:20880",
      ServiceName: "sample-app",
      Host: "10.0.0.1",
      Port: 20880,
      Weight: 100,
      Enable: true,
      serviceName: "sample-app",
      host: "10.0.0.1",
      port: 20880,
    });
    expect(record["Metadata"]).toEqual(record["metadata"]);
    // Go reads the two as one; a field that it knows as a number must be one in both spellings.
    const folded = Object.keys(record).map((key) => key.toLowerCase());
    expect(folded.filter((key, at) => folded.indexOf(key) !== at)).toEqual([
      "servicename",
      "host",
      "port",
      "healthy",
      "metadata",
    ]);
  });

  test("gives back every weight, none included", () => {
    for (const weight of [0, 0.01, 0.5, 1, 2.5, 100])
      expect(decodeInstanceJson("sample-app", encodeInstanceJson(sampleInstance({ weight }))).weight).toBe(
        weight,
      );
    expect(
      decodeInstanceJson("sample-app", encodeInstanceJson(sampleInstance({ weight: 0.001 }))).weight,
    ).toBe(0.01);
    const off = sampleInstance({ enabled: false, healthy: false });
    expect(decodeInstanceJson("sample-app", encodeInstanceJson(off))).toEqual(off);
  });

  test("of something else is INSTANCE_INVALID", () => {
    for (const text of [
      "",
      "{",
      "[]",
      "null",
      "7",
      "{}",
      '{"Host":"h"}',
      '{"Host":"h","Port":0}',
      '{"Host":"h","Port":"1"}',
    ])
      expect(() => read("odd", text)).toThrow(expect.objectContaining({ code: "INSTANCE_INVALID" }));
    const odd = read("odd", '{"Host":"h","Port":1,"Metadata":7,"Weight":"x","Enable":null}');
    expect(odd).toMatchObject({ id: "h:1", weight: 1, enabled: true, labels: {}, revision: undefined });
  });
});

test("metadata of Go is read, whatever it adds", () => {
  const { revision = "" } = read("go-demo", goRemote);
  const metadata = decodeMetadata("go-demo", revision, goMetadata);
  expect([...metadata.services.keys()]).toEqual(["interop.v1.Greeter:tri"]);
});

test("the reader gives the same objects for what did not change, and leaves out what cannot be read", () => {
  const log = recordingLogger();
  const reader = new InstanceReader("go-demo", "/services/go-demo/", log);
  const entry = (name: string, value: string, revision = 1n) => ({
    key: `/services/go-demo/${name}`,
    value: Buffer.from(value),
    createRevision: revision,
    modRevision: revision,
    version: 1n,
    lease: 0n,
  });
  const one = entry("a", goLocal);
  const first = reader.read([one, entry("b", "{"), entry("c/deeper", goRemote)]);
  expect(first.map(({ port }) => port)).toEqual([23510]);
  expect(log.entries.map(({ fields }) => (fields as { key: string }).key)).toEqual(["/services/go-demo/b"]);
  expect(reader.read([one])).toBe(first);
  // Put again with the same value.
  expect(reader.read([entry("a", goLocal, 5n)])).toBe(first);
  const both = reader.read([entry("a", goLocal, 5n), entry("b", goRemote)]);
  expect([both.length, both[0]]).toEqual([2, first[0]]);
  expect(reader.read([])).toEqual([]);
});

describe("an address", () => {
  test("is read in all its spellings", () => {
    expect(parseEtcdAddress("etcd://alice:p%40ss@h1:2379,[::1]:2380?group=g&backup=h3,h4:1")).toMatchObject({
      hosts: [
        { host: "h1", port: 2379 },
        { host: "::1", port: 2380 },
        { host: "h3", port: 2379 },
        { host: "h4", port: 1 },
      ],
      username: "alice",
      password: "p@ss",
      params: { group: "g" },
    });
    for (const text of ["h", "etcdv3://h", "etcd3://h/", "ETCD://h:2379"])
      expect(parseEtcdAddress(text).hosts).toEqual([{ host: "h", port: 2379 }]);
  });

  test("that is none is refused without the secrets in it", () => {
    for (const text of [
      "http://alice:geheim@h:1",
      "etcd://",
      "etcd://alice:geheim@",
      "etcd://alice:geheim@h:99999",
      "etcd://h/path?password=geheim",
      "etcd://alice:gehe%im@h",
    ]) {
      expect(() => parseEtcdAddress(text)).toThrow(expect.objectContaining({ code: "ADDRESS_INVALID" }));
      expect(() => parseEtcdAddress(text)).not.toThrow(/geheim/);
    }
  });

  test("asks for TLS by its parameters", async () => {
    expect(await tlsOf({})).toBeUndefined();
    expect(await tlsOf({ tls: "false" })).toBeUndefined();
    expect(await tlsOf({ tls: "true" })).toMatchObject({ ca: undefined, serverName: undefined });
    expect(await tlsOf({ tlsServerName: "etcd.example" })).toMatchObject({ serverName: "etcd.example" });
    const odd: Record<string, string>[] = [
      { tls: "false", tlsServerName: "x" },
      { tlsCert: "client.pem" },
      { tlsCa: "/does/not/exist.pem" },
      { tls: "maybe" },
    ];
    for (const params of odd) await expect(tlsOf(params)).rejects.toMatchObject({ code: "ADDRESS_INVALID" });
  });
});
