import { numberOf, textMapOf } from "./body.js";
import { keepUnchanged, type NacosInstance, serviceInfoOf } from "./instance.js";
import { checkInstance, checkService } from "./limits.js";
import { NacosError } from "./nacos-error.js";
import { toSettings } from "./options.js";
import { bodyOfReply, toReply } from "./reply.js";
import { decodePayload, encodePayload } from "./wire.js";

describe("recorded answers", () => {
  const reply = (type: string, json: string) =>
    toReply({ type, headers: {}, body: JSON.parse(json) as never });
  const codeOf = (type: string, json: string) => {
    try {
      return bodyOfReply(reply(type, json), "x") && "ok";
    } catch (error) {
      return error instanceof NacosError ? `${error.code} ${String(error.serverCode)}` : "?";
    }
  };

  test.each([
    [
      "ServerCheckResponse",
      '{"resultCode":200,"errorCode":0,"connectionId":"1795232629175_127.0.0.1_52368","supportAbilityNegotiation":true,"success":true}',
      "ok",
    ],
    [
      "ErrorResponse",
      '{"resultCode":500,"errorCode":300,"message":"Server is starting,please try later.","success":false}',
      "REFUSED 300",
    ],
    [
      "ErrorResponse",
      '{"resultCode":500,"errorCode":302,"message":"RequestHandler Not Found","success":false}',
      "UNSUPPORTED 302",
    ],
    [
      "ErrorResponse",
      '{"resultCode":500,"errorCode":502,"message":"errCode: 101, errMsg: Nacos deserialize failed.  ","success":false}',
      "INVALID 502",
    ],
    [
      "ErrorResponse",
      `{"resultCode":400,"errorCode":400,"message":"Instance 'clusterName' should be characters with only 0-9a-zA-Z-. (current: a_b)","success":false}`,
      "INVALID 400",
    ],
    [
      "ConfigPublishResponse",
      '{"resultCode":500,"errorCode":400,"message":"content is blank : ","success":false}',
      "INVALID 400",
    ],
    [
      "InstanceResponse",
      '{"resultCode":500,"errorCode":403,"message":"Code: 401, Message: token invalid!.","success":false}',
      "UNAUTHORIZED 403",
    ],
    [
      "InstanceResponse",
      `{"resultCode":500,"errorCode":22001,"message":"Namespace 'nope' does not exist."}`,
      "REFUSED 22001",
    ],
    ["InstanceResponse", '{"resultCode":200,"message":null,"requestId":""}', "ok"],
    ["InstanceResponse", "{}", "REFUSED 500"],
  ])("%s %s is %s", (type, json, expected) => {
    expect(codeOf(type, json)).toBe(expected);
  });

  test("a list of Nacos 2.3.2, of 3.1.0 and of r-nacos reads the same", () => {
    const host =
      '{"instanceId":"ID","ip":"10.0.0.1","port":50051,"weight":1.0,"healthy":true,"enabled":true,"ephemeral":true,"clusterName":"DEFAULT","serviceName":"DEFAULT_GROUP@@demo-app","metadata":{"dubbo.metadata.revision":"abc"}';
    const heartbeat =
      ',"instanceHeartBeatInterval":5000,"instanceHeartBeatTimeOut":15000,"ipDeleteTimeout":30000}';
    const info = (allIps: string, end: string) =>
      JSON.parse(
        `{"serviceInfo":{"name":"demo-app","groupName":"DEFAULT_GROUP","clusters":"","cacheMillis":10000,"checksum":"",${allIps},"reachProtectionThreshold":false,"valid":true,"hosts":[${host}${end}],"lastRefTime":1795232658201}}`,
      ) as Record<string, unknown>;
    const lists = [
      info('"allIPs":false', heartbeat),
      info('"allIps":false', heartbeat),
      info('"allIPs":false', "}"),
    ].map(serviceInfoOf);
    expect(lists[0]).toMatchObject({ name: "demo-app", group: "DEFAULT_GROUP", lastRefTime: 1795232658201 });
    expect(lists[0]?.hosts[0]?.metadata["dubbo.metadata.revision"]).toBe("abc");
    expect(lists[1]).toEqual(lists[0]);
    expect(lists[2]).toEqual(lists[0]);
    expect(serviceInfoOf({})).toMatchObject({ hosts: [], lastRefTime: 0 });
  });

  test("names that objects inherit are nothing special in metadata", () => {
    const body = JSON.parse('{"metadata":{"__proto__":"a","constructor":"b","toString":{"x":1}}}') as Record<
      string,
      unknown
    >;
    const metadata = textMapOf(body, "metadata");
    expect(Object.entries(metadata)).toEqual([
      ["__proto__", "a"],
      ["constructor", "b"],
      ["toString", '{"x":1}'],
    ]);
    expect(Object.getPrototypeOf(metadata)).toBeNull();
    expect(textMapOf({}, "constructor")).toEqual({});
    expect(numberOf({ serverPort: "8848" }, "serverPort")).toBe(8848);
  });

  test("a message survives the envelope, and one that is no JSON has no body", () => {
    const message = {
      type: "InstanceRequest",
      headers: { accessToken: "ü" },
      body: { requestId: "1", n: [1, null] },
    };
    expect(decodePayload(encodePayload(message))).toEqual(message);
    const broken = encodePayload(message).fill(0x20, 80);
    expect(decodePayload(broken).body).toBeUndefined();
  });
});

describe("lists", () => {
  const hosts = (...metadata: string[]): readonly NacosInstance[] =>
    serviceInfoOf({
      serviceInfo: { hosts: metadata.map((rev) => ({ ip: "h", port: 1, metadata: { rev } })) },
    }).hosts;

  test("an equal list is the same object, whatever its order", () => {
    const first = hosts("a", "b");
    expect(keepUnchanged(first, hosts("b", "a"))).toBe(first);
    expect(keepUnchanged(first, hosts("a"))).toEqual([first[0]]);
    expect(keepUnchanged(first, hosts("a"))[0]).toBe(first[0]);
  });

  test("of two with one address each keeps its own object", () => {
    const first = hosts("a", "b");
    const next = keepUnchanged(first, hosts("b", "c"));
    expect(next[0]).toBe(first[1]);
    expect(next[1]).not.toBe(first[0]);
    expect(keepUnchanged(hosts("a"), hosts("a", "a"))).toHaveLength(2);
  });
});

describe("what is checked before sending", () => {
  test.each([
    [{ ip: "" }],
    [{ ip: "a b" }],
    [{ port: 65_536 }],
    [{ port: 1.5 }],
    [{ clusterName: "a_b" }],
    [{ clusterName: "x".repeat(65) }],
    [{ weight: Number.NaN }],
    [{ metadata: { a: 1 as never } }],
  ])("instance %j is refused", (wrong) => {
    const instance = { ip: "h", port: 1, ...wrong };
    expect(() => checkInstance(instance, 1024)).toThrow(NacosError);
  });

  test("hosts, IPv6, port 0 and strange weights pass, as servers take them", () => {
    checkInstance({ ip: "::1", port: 0, weight: -1 }, 1024);
    checkInstance({ ip: "host.name", port: 65_535, weight: 1e9, clusterName: "a-1" }, 1024);
  });

  test.each(["", "a b", "a@@b", "@a", "服务", "x".repeat(513)])("service name %j is refused", (name) => {
    expect(() => checkService({ name })).toThrow(NacosError);
  });

  test("addresses of servers are read with scheme, port and path, or refused", () => {
    const read = (text: string) => toSettings({ servers: [text] }).servers[0];
    expect(read("127.0.0.1")).toEqual({
      name: "127.0.0.1:8848",
      host: "127.0.0.1",
      httpPort: 8848,
      httpBase: "http://127.0.0.1:8848/nacos",
      grpcPort: 9848,
    });
    expect(read("http://nacos.example:80/nacos")).toMatchObject({ host: "nacos.example", grpcPort: 1080 });
    expect(read("[::1]:1")).toMatchObject({ name: "[::1]:1", host: "[::1]", grpcPort: 1001 });
    for (const text of ["", "a:b", "a:0", "a:65000", "::1", "a b"]) {
      expect(() => read(text)).toThrow(NacosError);
    }
    expect(() => toSettings({ servers: [] })).toThrow(NacosError);
  });
});
