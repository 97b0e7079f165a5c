import { decodeInstance } from "@dubbo-ts/core";
import { decodeInstanceJson, encodeInstanceJson } from "./instance-json.js";
import { parseZooKeeperAddress } from "./zookeeper-address.js";

/** As Dubbo for Java 3.3.6 wrote it: metadata in the report. */
const javaRemote =
  '{"name":"java-remote","id":"192.0.2.2:21121","address":"192.0.2.2","port":21121,"sslPort":null,"payload":{"@class":"org.apache.dubbo.registry.zookeeper.ZookeeperInstance","id":"192.0.2.2:21121","name":"java-remote","metadata":{"dubbo.endpoints":"[{\\"port\\":21121,\\"protocol\\":\\"dubbo\\"}]","dubbo.metadata.revision":"266d1a19957c5575d227865758bba731","dubbo.metadata.storage-type":"remote","meta-v":"1.0.0","timestamp":"1795232113635"}},"registrationTimeUTC":1795232114136,"serviceType":"DYNAMIC","uriSpec":null}';

/** The same with a MetadataService of its own. */
const javaLocal =
  '{"name":"java-local","id":"192.0.2.2:21120","address":"192.0.2.2","port":21120,"sslPort":null,"payload":{"@class":"org.apache.dubbo.registry.zookeeper.ZookeeperInstance","id":"192.0.2.2:21120","name":"java-local","metadata":{"dubbo.endpoints":"[{\\"port\\":21120,\\"protocol\\":\\"dubbo\\"}]","dubbo.metadata-service.url-params":"{\\"prefer.serialization\\":\\"hessian2,fastjson2\\",\\"version\\":\\"1.0.0\\",\\"dubbo\\":\\"2.0.2\\",\\"release\\":\\"3.3.6\\",\\"side\\":\\"provider\\",\\"port\\":\\"21120\\",\\"protocol\\":\\"dubbo\\"}","dubbo.metadata.revision":"e537261b1ae02abeb728bb869c3e21ce","dubbo.metadata.storage-type":"local","meta-v":"1.0.0","timestamp":"1795232093742"}},"registrationTimeUTC":1795232094649,"serviceType":"DYNAMIC","uriSpec":null}';

/** As dubbo-go 3.3.2 wrote it. */
const goRemote =
  '{"name":"go-demo","id":"127.0.0.1:23503","address":"127.0.0.1","port":23503,"payload":{"@class":"org.apache.dubbo.registry.zookeeper.ZookeeperInstance","id":"127.0.0.1:23503","metadata":{"dubbo.endpoints":"[{\\"port\\":23503,\\"protocol\\":\\"dubbo\\"}]","dubbo.metadata.revision":"f608d1947308b938f3bbf0a8fbb01c835affe1438c6870ce697dab56c7a8fd33b14485574a15ff547540d9f7c32c4cb8d3f8335d2ca318a0be8f1a4e7eb2b392","dubbo.metadata.storage-type":"remote","dubbo.subscribed-services.revision":"0","registry.id":"reg"},"name":"go-demo"}}';

const read = (application: string, text: string) =>
  decodeInstanceJson(application, Buffer.from(text, "utf8"));

describe("an instance's node", () => {
  test("of Java is read, and written again byte for byte", () => {
    const instance = read("java-remote", javaRemote);
    expect(instance).toMatchObject({
      application: "java-remote",
      id: "192.0.2.2:21121",
      host: "192.0.2.2",
      port: 21121,
      storage: "remote",
      revision: "266d1a19957c5575d227865758bba731",
      ports: { dubbo: 21121 },
      startedAtMs: 1795232113635,
      labels: {},
    });
    // Java gives the version of a MetadataService that it does not have: as a label it would be kept by a reader only.
    const { metadata } = (JSON.parse(javaRemote) as { payload: { metadata: Record<string, string> } })
      .payload;
    const again = encodeInstanceJson(instance, 1795232114136).toString("utf8");
    expect(again).toBe(javaRemote.replace(`"meta-v":"${metadata["meta-v"]}",`, ""));
  });

  test("of Java with a MetadataService differs from ours in the values of its parameters only", () => {
    const instance = read("java-local", javaLocal);
    expect(instance.metadataService).toEqual({ protocol: "dubbo", port: 21120, version: "1.0.0" });
    const ours = encodeInstanceJson(instance, 1795232094649).toString("utf8");
    const params = /"dubbo\.metadata-service\.url-params":"(?:[^"\\]|\\.)*"/;
    expect(ours.replace(params, "")).toBe(javaLocal.replace(params, ""));
    const written = JSON.parse(
      (JSON.parse(ours) as { payload: { metadata: Record<string, string> } }).payload.metadata[
        "dubbo.metadata-service.url-params"
      ] ?? "",
    ) as Record<string, unknown>;
    expect(written).toMatchObject({
      port: "21120",
      protocol: "dubbo",
      version: "1.0.0",
      side: "provider",
      dubbo: "2.0.2",
    });
    expect(Object.values(written).every((value) => typeof value === "string")).toBe(true);
  });

  test("of Go is read, though fields are missing and others are in another order", () => {
    expect(read("go-demo", goRemote)).toMatchObject({
      application: "go-demo",
      id: "127.0.0.1:23503",
      ports: { dubbo: 23503 },
      storage: "remote",
      enabled: true,
      revision: expect.stringMatching(/^f608d194/),
      labels: { "registry.id": "reg", "dubbo.subscribed-services.revision": "0" },
    });
  });

  test("of something else is an instance without a revision, or INSTANCE_INVALID", () => {
    expect(
      read("spring", '{"address":"10.0.0.1","port":8080,"payload":{"metadata":{"a":1}}}').revision,
    ).toBeUndefined();
    expect(read("spring", '{"address":"10.0.0.1","port":8080,"enabled":false}').enabled).toBe(false);
    for (const text of [
      "",
      "no json",
      "null",
      "[]",
      "7",
      "{}",
      '{"address":"h","port":0}',
      '{"address":7,"port":1}',
    ])
      expect(() => read("app", text)).toThrow(expect.objectContaining({ code: "INSTANCE_INVALID" }));
  });

  test("keeps a key that is __proto__, and texts beyond ASCII", () => {
    const instance = decodeInstance({
      application: "app",
      host: "h",
      port: 1,
      metadata: { 'größe "x"\\': "漢字" },
    });
    expect(decodeInstanceJson("app", encodeInstanceJson(instance, 0))).toEqual(instance);
  });
});

describe("an address", () => {
  test("names servers, further ones after commas or in backup, user, password, chroot and parameters", () => {
    const { params, ...rest } = parseZooKeeperAddress(
      "zookeeper://al%40ice:p%3Aw@h1:2182,h2/root?group=g&timeout=5s&backup=[::1]:2183,h4:1&session=9000",
    );
    expect(rest).toMatchObject({
      hosts: [
        { host: "h1", port: 2182 },
        { host: "h2", port: 2181 },
        { host: "::1", port: 2183 },
        { host: "h4", port: 1 },
      ],
      username: "al@ice",
      password: "p:w",
      path: "/root",
    });
    expect(params).toEqual({ group: "g", timeout: "5s", session: "9000" });
  });

  test("that is wrong is ADDRESS_INVALID, and the message has no secret in it", () => {
    for (const address of [
      "nacos://u:secret@h:1",
      "zookeeper://u:secret@h:0",
      "zookeeper://u:%secret@h",
      "zookeeper://u:secret@h:1:2",
    ]) {
      let message = "";
      try {
        parseZooKeeperAddress(address);
      } catch (error) {
        expect(error).toMatchObject({ code: "ADDRESS_INVALID" });
        message = String(error);
      }
      expect(message).not.toBe("");
      expect(message).not.toContain("secret");
    }
  });
});
