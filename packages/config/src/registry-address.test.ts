import { hasCode } from "@dubbo-ts/core";
import fc from "fast-check";
import { parseBytes, parseDuration } from "./duration.js";
import { chosenRegistry, parseRegistryAddress } from "./registry-address.js";

describe("registry addresses", () => {
  test("reads every part", () => {
    expect(
      parseRegistryAddress(
        "Nacos://us%3Aer:p@ss:w@h1:8849,[fe80::1]/ctx?namespace=n%20s&backup=h3:1,h4&flag",
      ),
    ).toEqual({
      scheme: "nacos",
      hosts: [
        { host: "h1", port: 8849 },
        { host: "fe80::1", port: 8848 },
        { host: "h3", port: 1 },
        { host: "h4", port: 8848 },
      ],
      username: "us:er",
      password: "p@ss:w",
      path: "/ctx",
      params: { namespace: "n s", flag: "" },
      safeText: "nacos://h1:8849,[fe80::1]:8848,h3:1,h4:8848/ctx",
    });
  });

  test.each([
    ["zookeeper://h", "zookeeper://h:2181"],
    ["zk://h:1/", "zookeeper://h:1"],
    ["etcdv3://h", "etcd://h:2379"],
    ["redis://h", "redis://h:6379"],
    ["memory://", "memory://"],
    ["local://", "local://"],
    ["local://127.0.0.1", "local://127.0.0.1:8848"],
    [" nacos://h ", "nacos://h:8848"],
    ["own://h:1", "own://h:1"],
    ["nacos://h1:1, h2", "nacos://h1:1,h2:8848"],
  ])("%s is %s", (text, safeText) => {
    expect(parseRegistryAddress(text).safeText).toBe(safeText);
  });

  test("takes the scheme from elsewhere, as Go has it, unless the text has one", () => {
    expect(parseRegistryAddress("h1:1,h2", "nacos").safeText).toBe("nacos://h1:1,h2:8848");
    expect(parseRegistryAddress("zookeeper://h", "nacos").scheme).toBe("zookeeper");
  });

  test.each([
    ["h:1", "address: has no scheme, as in nacos://host:8848"],
    ["", "address: has no scheme, as in nacos://host:8848"],
    ["nacos://", "address nacos://: names no host"],
    ["nacos://h:0", "address nacos://h:0: port 0 is not between 1 and 65535"],
    ["nacos://h:x", 'address nacos://h:x: "h:x" is no host:port'],
    ["nacos://a b", "address: is no scheme://host:port/path?key=value"],
    ["nacos://a\u001b[31m", "address: is no scheme://host:port/path?key=value"],
    ["nacos://::1", 'address nacos://::1: "::1" is no host:port'],
    ["own://h", 'address own://h: "h" has no port, and own no default'],
    ["nacos://u:secret%@h", "address nacos://h: the password is not percent-encoded text"],
    ["nacos://h?p=%", 'address nacos://h: parameter "p" is not percent-encoded text'],
    ["nacos://u:secret@?p=secret", "address nacos://: names no host"],
    [`nacos://${"h".repeat(5_000)}`, "address: longer than 4096 characters"],
  ])("%s is refused", (text, message) => {
    expect(() => parseRegistryAddress(text)).toThrow(message);
  });

  test("names of the language are parameters like others", () => {
    const { params } = parseRegistryAddress("nacos://h?__proto__=x&toString=y");
    expect(Object.entries(params)).toEqual([
      ["__proto__", "x"],
      ["toString", "y"],
    ]);
    expect(parseRegistryAddress("nacos://h").params["constructor"]).toBeUndefined();
  });

  test("any text gives an address or ADDRESS_INVALID, and safeText gives the same hosts again", () => {
    const text = fc.stringMatching(/^[a-z0-9:/@?&=%,[\]. -]{0,40}$/);
    fc.assert(
      fc.property(text, (one) => {
        try {
          const { hosts, path, safeText } = parseRegistryAddress(one, "nacos");
          expect(parseRegistryAddress(safeText)).toMatchObject({
            hosts,
            path,
            username: undefined,
            params: {},
          });
        } catch (error) {
          if (!hasCode(error, "ADDRESS_INVALID")) throw error;
        }
      }),
      { numRuns: 2_000, seed: 7 },
    );
  });

  test("the command line comes before the environment", () => {
    const env = { DUBBO_REGISTRY: "nacos://env" };
    expect(chosenRegistry({ argv: ["x", "--registry", "nacos://a"], env })).toBe("nacos://a");
    expect(chosenRegistry({ argv: ["--registry=nacos://b"], env })).toBe("nacos://b");
    expect(chosenRegistry({ argv: ["--", "--registry", "nacos://a"], env })).toBe("nacos://env");
    expect(chosenRegistry({ env: { DUBBO_REGISTRY: "" } })).toBeUndefined();
    expect(() => chosenRegistry({ argv: ["--registry", "--port"] })).toThrow("--registry: needs a URL");
    expect(() => chosenRegistry({ argv: ["--registry"] })).toThrow("--registry: needs a URL");
  });
});

describe("durations and sizes", () => {
  test.each([
    ["500ms", 500],
    ["3s", 3_000],
    ["1m", 60_000],
    ["1m30s", 90_000],
    ["1.5h", 5_400_000],
    ["1d", 86_400_000],
    ["250", 250],
    ["0", 0],
    ["", undefined],
    ["3 s", undefined],
    ["s", undefined],
    ["1e3", undefined],
    ["-1s", undefined],
    ["9".repeat(400), undefined],
  ])("%s is %s ms", (text, ms) => {
    expect(parseDuration(text)).toBe(ms);
  });

  test.each([
    ["8388608", 8_388_608],
    ["8MiB", 8_388_608],
    ["8 mb", 8_000_000],
    ["8x", undefined],
    ["", undefined],
  ])("%s is %s bytes", (text, size) => {
    expect(parseBytes(text)).toBe(size);
  });
});
