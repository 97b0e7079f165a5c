import { createHmac } from "node:crypto";
import { type AccessKeyOptions, accessKeyCredentials } from "./access-key-credentials.js";
import type { SecuredRequest } from "./credentials.js";
import { nacosNaming } from "./nacos-naming.js";
import { FakeServer } from "./fake-server.js";
import { quick } from "./test-support.js";

const signal = new AbortController().signal;
const clock = { wallMs: () => Date.UTC(2026, 10, 21, 23, 59, 59) };
const ms = String(clock.wallMs());
const key = { accessKey: "ak1", secretKey: "sk1" };
const sign = (data: string, by = "sk1") => createHmac("sha1", by).update(data).digest("base64");

function headers(request: Partial<SecuredRequest>, options: Partial<AccessKeyOptions> = {}) {
  const whole = { module: "config", type: "ConfigQueryRequest", body: {}, appName: "lab", ...request };
  return accessKeyCredentials({ key, clock, ...options }).headers(whole as SecuredRequest, signal);
}

describe("signing with an access key", () => {
  test.each([
    [{ serviceName: "s", groupName: "g" }, `${ms}@@g@@s`],
    [{ serviceName: "g@@s", groupName: "g" }, `${ms}@@g@@s`],
    [{ serviceName: "", groupName: "g" }, `${ms}@@g@@`],
    [{ groupKeyPattern: "public>>g>>*" }, ms],
  ])("naming %j is signed by time and service", async (body, data) => {
    const request = { module: "naming", type: "InstanceRequest", body } as const;
    expect(await headers(request)).toEqual({ ak: "ak1", data, signature: sign(data), app: "lab" });
  });

  test.each([
    [{ tenant: "ns1", group: "g", dataId: "d" }, `ns1+g+${ms}`],
    [{ tenant: "", group: "g", dataId: "d" }, `g+${ms}`],
    [{ configListenContexts: [{ tenant: "ns1", group: "g", dataId: "d" }] }, ms],
  ])("config %j is signed by namespace, group and time", async (body, data) => {
    expect(await headers({ body })).toEqual({
      "Spas-AccessKey": "ak1",
      Timestamp: ms,
      "Spas-Signature": sign(data),
    });
  });

  test("a region makes the key one of the day; temporary keys bring their token; keys may be asked for", async () => {
    // The chain of CalculateV4SigningKeyUtil.java, spelt out.
    const chain = ["20261121", "cn-hangzhou", "mse-nacos", "aliyun_v4_request"];
    const daily = chain.reduce(
      (by, part) => createHmac("sha256", by).update(part).digest(),
      Buffer.from("aliyun_v4sk1"),
    );
    const options = { region: "cn-hangzhou", key: () => ({ ...key, securityToken: "sts" }) };
    expect(await headers({ body: { group: "g" } }, options)).toEqual({
      "Spas-AccessKey": "ak1",
      Timestamp: ms,
      "Spas-Signature": sign(`g+${ms}`, daily.toString("base64")),
      "Spas-SecurityToken": "sts",
      signatureVersion: "v4",
    });
  });

  test("it travels in the envelope of each request, and the secret does not", async () => {
    const server = await new FakeServer().start();
    const naming = nacosNaming({ ...quick(server.address), credentials: accessKeyCredentials({ key }) });
    try {
      await naming.query({ name: "demo" }, signal);
      const [request] = server.of("ServiceQueryRequest");
      expect(request?.headers).toMatchObject({
        ak: "ak1",
        data: expect.stringMatching(/^\d+@@DEFAULT_GROUP@@demo$/) as string,
      });
      expect(JSON.stringify(server.requests)).not.toContain("sk1");
    } finally {
      await naming.close();
      server.stop();
    }
  });
});
