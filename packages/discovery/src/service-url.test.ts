import { readFileSync } from "node:fs";
import { join } from "node:path";
import { recordingLogger } from "@dubbo-ts/testkit";
import {
  decodeServiceUrl,
  encodeServiceUrl,
  formatServiceUrl,
  isProviderUrl,
  parseServiceUrl,
  serviceUrl,
  serviceUrlId,
} from "./service-url.js";
import { instanceOfUrl, offeredUrl } from "./url-instance.js";
import { ServiceUrlReader } from "./url-reader.js";

const recorded = JSON.parse(
  readFileSync(join(__dirname, "fixtures", "recorded-urls.json"), "utf8"),
) as Record<"java" | "javaInterface" | "goZooKeeper" | "goEtcd" | "goTriple", string>;

describe("what Java 3.3.6 and dubbo-go 3.3.2 registered", () => {
  test.each(Object.entries(recorded))("%s is read, and written again byte for byte", (_name, encoded) => {
    expect(encodeServiceUrl(decodeServiceUrl(encoded))).toBe(encoded);
  });

  test("Java's weight, tag and start are an endpoint's", () => {
    const url = decodeServiceUrl(recorded.java);
    expect(url).toMatchObject({ protocol: "dubbo", host: "192.0.2.2", port: 21_123 });
    expect(url.key.text).toBe("org.example.interop.UserService");
    expect(url.params["methods"]?.split(",")).toHaveLength(19);
    const { endpoint, protocol, key } = offeredUrl(instanceOfUrl(url));
    expect([protocol, key.text]).toEqual(["dubbo", "org.example.interop.UserService"]);
    expect(endpoint).toMatchObject({
      application: "java-all",
      weight: 30,
      tag: "gray",
      startedAtMs: 1_795_232_146_761,
    });
  });

  test("Go's weight of 0 is the default, its seconds are milliseconds, its group and version a part of the key", () => {
    const url = decodeServiceUrl(recorded.goZooKeeper);
    expect(serviceUrlId(url)).toBe("dubbo://192.0.2.2:23507/g1/org.example.interop.UserService:1.2.3");
    const { endpoint } = offeredUrl(instanceOfUrl(url));
    expect(endpoint).toMatchObject({ weight: 100, startedAtMs: 1_795_232_738_000, application: "go-demo" });
    expect(decodeServiceUrl(recorded.goTriple).protocol).toBe("tri");
  });
});

describe("a provider URL", () => {
  test("has its parameters in order, is encoded once as a whole, and leaves out what it cannot carry", () => {
    const url = serviceUrl({
      protocol: "dubbo",
      host: "10.0.0.1",
      port: 20_880,
      path: "com.acme.Greeter",
      params: {
        side: "provider",
        application: "demo",
        methods: "a,b",
        odd: "x&y=z",
        empty: "",
        note: "a b~*",
      },
    });
    expect(formatServiceUrl(url)).toBe(
      "dubbo://10.0.0.1:20880/com.acme.Greeter?application=demo&methods=a,b&note=a b~*&side=provider",
    );
    expect(encodeServiceUrl(url)).toBe(
      "dubbo%3A%2F%2F10.0.0.1%3A20880%2Fcom.acme.Greeter%3Fapplication%3Ddemo%26methods%3Da%2Cb%26note%3Da+b%7E*%26side%3Dprovider",
    );
    expect(decodeServiceUrl(encodeServiceUrl(url)).params["note"]).toBe("a b~*");
  });

  test("of Dubbo 2.6 says `default.timeout` for what holds unless `timeout` is there; values may hold `=`", () => {
    const { params } = parseServiceUrl(
      "dubbo://u:p@10.0.0.1:20880/a.B?default.timeout=9&default.retries=1&retries=3&filter=x=y#end",
    );
    expect({ ...params }).toEqual({ timeout: "9", retries: "3", filter: "x=y" });
  });

  test("may have an IPv6 host, with and without brackets", () => {
    for (const text of ["dubbo://[fe80::1]:20880/a.B", "dubbo://fe80::1:20880/a.B"])
      expect(parseServiceUrl(text)).toMatchObject({ host: "fe80::1", port: 20_880 });
    expect(formatServiceUrl(parseServiceUrl("dubbo://[fe80::1]:20880/a.B"))).toBe(
      "dubbo://[fe80::1]:20880/a.B",
    );
  });

  test.each([
    ["a bad percent sign", "dubbo%3A%2F%2F10.0.0.1%3A20880%2Fa.B%3Fx%3D%ZZ"],
    ["broken UTF-8", "dubbo%3A%2F%2F10.0.0.1%3A20880%2Fa.B%3Fx%3D%FF"],
    ["100 KB", `dubbo%3A%2F%2F10.0.0.1%3A20880%2Fa.B%3Fx%3D${"y".repeat(100_000)}`],
    ["no port", "dubbo%3A%2F%2F10.0.0.1%2Fa.B"],
    ["port 0", "dubbo%3A%2F%2F10.0.0.1%3A0%2Fa.B"],
    ["port 70000", "dubbo%3A%2F%2F10.0.0.1%3A70000%2Fa.B"],
    ["no host", "dubbo%3A%2F%2F%3A20880%2Fa.B"],
    ["no interface", "dubbo%3A%2F%2F10.0.0.1%3A20880%2F%3Fapplication%3Dx"],
    ["no URL", "__proto__"],
    ["nothing", ""],
  ])(
    "with %s is left out, said once in the log without its parameters, and the others stay",
    (_what, bad) => {
      const log = recordingLogger();
      const reader = new ServiceUrlReader("/dubbo/a.B/providers", log);
      const good = "dubbo%3A%2F%2F10.0.0.1%3A20880%2Fa.B%3F__proto__%3Dx%26token%3Dsecret";
      const first = reader.read([bad, good]);
      expect(first.map(({ port }) => port)).toEqual([20_880]);
      expect(reader.read([bad, good])).toBe(first);
      expect(log.entries).toHaveLength(1);
      expect(JSON.stringify(log.entries).length).toBeLessThan(1_000);
      expect(({} as Record<string, unknown>)["x"]).toBeUndefined();
    },
  );

  test("that is a rule, a consumer or nothing at all is no provider", () => {
    const is = (text: string) => isProviderUrl(parseServiceUrl(text));
    expect(is("dubbo://10.0.0.1:20880/a.B?category=providers")).toBe(true);
    expect(is("override://0.0.0.0:1/a.B?category=configurators&weight=1")).toBe(false);
    expect(is("dubbo://10.0.0.1:20880/a.B?category=configurators")).toBe(false);
    expect(is("consumer://10.0.0.1:1/a.B?category=consumers")).toBe(false);
    expect(is("empty://10.0.0.1:1/a.B")).toBe(false);
  });
});
