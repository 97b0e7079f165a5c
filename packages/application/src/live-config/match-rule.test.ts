import { readOverrideRule } from "@dubbo-ts/config";
import { endpoint, NoProviderError, type Resolution, serviceKey } from "@dubbo-ts/core";
import { consumerOverride } from "./consumer-override.js";
import { overriddenOptions } from "./provider-override.js";

const service = serviceKey("com.acme.Greeter", { group: "blue", version: "1.0.0" });
const target = { application: "demo-consumer", host: "10.0.0.9", service };
const plain = serviceKey("com.acme.Plain");

function rulesOf(...texts: readonly string[]) {
  return texts.map((text) => {
    const { rule, problems } = readOverrideRule(text);
    if (rule === undefined) throw new Error(problems.join());
    return rule;
  });
}

const resolved = (params: Readonly<Record<string, string>> = {}): Resolution => ({
  state: "resolved",
  endpoints: [1, 2].map((last) => endpoint({ protocol: "dubbo", host: `10.0.0.${last}`, port: 20880 })),
  params,
  stale: false,
});

const hosts = (resolution: Resolution) =>
  resolution.state === "resolved"
    ? resolution.endpoints.map(({ host, weight }) => `${host} ${weight}`)
    : resolution.state;

const item = (lines: string, head = "scope: application\nkey: demo-consumer") =>
  `configVersion: v2.7\n${head}\nconfigs:\n- ${lines.trim().replaceAll("\n", "\n  ")}\n`;

describe("rules on the consumer's side", () => {
  test("change all calls of the application, of the services that they name, of one host", () => {
    const timeout = (text: string) => consumerOverride(rulesOf(text), target).params["timeout"];
    expect(timeout(item("side: consumer\nparameters: { timeout: 6666 }"))).toBe("6666");
    expect(timeout(item("side: consumer\nservices: ['*']\nparameters: { timeout: 1s }"))).toBe("1000");
    expect(
      timeout(item("side: consumer\nservices: ['blue/com.acme.Greeter:1.0.0']\nparameters: { timeout: 1 }")),
    ).toBe("1");
    expect(
      timeout(item("side: consumer\nservices: ['com.acme.Greeter']\nparameters: { timeout: 1 }")),
    ).toBeUndefined();
    expect(timeout(item("side: consumer\naddresses: [10.0.0.9]\nparameters: { timeout: 1 }"))).toBe("1");
    expect(timeout(item("side: consumer\naddresses: ['10.0.0.9:0']\nparameters: { timeout: 1 }"))).toBe("1");
    expect(
      timeout(item("side: consumer\naddresses: [10.0.0.8]\nparameters: { timeout: 1 }")),
    ).toBeUndefined();
    // Neither the other side's, nor one without side, nor another application's, nor one that is off.
    expect(timeout(item("side: provider\nparameters: { timeout: 1 }"))).toBeUndefined();
    expect(timeout(item("parameters: { timeout: 1 }"))).toBeUndefined();
    expect(
      timeout(item("side: consumer\nparameters: { timeout: 1 }", "scope: application\nkey: x")),
    ).toBeUndefined();
    expect(timeout(`enabled: false\n${item("side: consumer\nparameters: { timeout: 1 }")}`)).toBeUndefined();
    expect(
      timeout(item("side: consumer\ntype: weight\nenabled: false\nparameters: { timeout: 1 }")),
    ).toBeUndefined();
    expect(timeout(item("side: consumer\nenabled: false\nparameters: { timeout: 1 }"))).toBe("1");
  });

  test("of a service win over those of an application, those for one host over those for all", () => {
    const all = item("side: consumer\nparameters: { timeout: 1, retries: 5 }");
    const own = item("side: consumer\nparameters: { timeout: 2 }", "key: blue/com.acme.Greeter:1.0.0");
    expect(consumerOverride(rulesOf(all, own), target).params).toEqual({ timeout: "2", retries: "5" });
    const two = `key: com.acme.Plain
configs:
- { side: consumer, addresses: [10.0.0.9], parameters: { timeout: 3 } }
- { side: consumer, parameters: { timeout: 4 } }
- { side: consumer, applications: [other], parameters: { timeout: 5 } }
`;
    expect(consumerOverride(rulesOf(two), { ...target, service: plain }).params).toEqual({ timeout: "3" });
  });

  test("take providers out and weigh them", () => {
    const apply = (lines: string) => hosts(consumerOverride(rulesOf(item(lines)), target).apply(resolved()));
    expect(
      apply("side: consumer\nproviderAddresses: ['10.0.0.1:20880']\nparameters: { disabled: true }"),
    ).toEqual(["10.0.0.2 100"]);
    expect(apply("side: consumer\nproviderAddresses: ['10.0.0.1']\nparameters: { enabled: false }")).toEqual([
      "10.0.0.2 100",
    ]);
    expect(apply("side: consumer\nproviderAddresses: ['10.0.0.1:20881']\nparameters: { weight: 7 }")).toEqual(
      ["10.0.0.1 100", "10.0.0.2 100"],
    );
    expect(apply("side: consumer\nproviderAddresses: ['0.0.0.0:20880']\nparameters: { weight: 7 }")).toEqual([
      "10.0.0.1 7",
      "10.0.0.2 7",
    ]);
    const unused =
      "side: consumer\nproviderAddresses: ['10.0.0.1:20880']\nparameters: { weight: 222, timeout: 6666 }";
    expect(apply(unused)).toEqual(["10.0.0.1 222", "10.0.0.2 100"]);
    expect(consumerOverride(rulesOf(item(unused)), target)).toMatchObject({
      unused: ["timeout"],
      params: {},
    });
  });

  test("that disable all providers leave none, and say why", () => {
    const rules = rulesOf(item("side: consumer\nparameters: { disabled: true }"));
    const none = consumerOverride(rules, target).apply(resolved());
    expect(none).toMatchObject({ state: "absent", error: { code: "NO_PROVIDER" } });
    const waiting: Resolution = {
      state: "pending",
      error: new NoProviderError("PROVIDERS_PENDING", "x", {
        service: "x",
        applications: [],
        nearMisses: [],
      }),
    };
    expect(consumerOverride(rules, target).apply(waiting)).toBe(waiting);
  });

  test("of version 3.0 hold where all conditions do", () => {
    const apply = (match: string) => {
      const lines = `side: consumer\nmatch: ${match}\nparameters: { weight: 9 }`;
      const rules = rulesOf(item(lines).replace("v2.7", "v3.0"));
      return hosts(consumerOverride(rules, target).apply(resolved({ env: "gray" })));
    };
    const both = ["10.0.0.1 9", "10.0.0.2 9"];
    const neither = ["10.0.0.1 100", "10.0.0.2 100"];
    expect(apply("{ providerAddress: { exact: '10.0.0.2:20880' } }")).toEqual(["10.0.0.1 100", "10.0.0.2 9"]);
    expect(apply("{ providerAddress: { wildcard: '10.0.0.1*' } }")).toEqual(["10.0.0.1 9", "10.0.0.2 100"]);
    expect(apply("{ providerAddress: { cird: '10.0.0.0/31' } }")).toEqual(["10.0.0.1 9", "10.0.0.2 100"]);
    expect(apply("{ address: { wildcard: '10.0.0.*' } }")).toEqual(both);
    expect(apply("{ address: { exact: '10.0.0.8' } }")).toEqual(neither);
    expect(apply("{ service: { oneof: [{ exact: x }, { prefix: 'blue/com' }] } }")).toEqual(both);
    expect(apply("{ service: { oneof: [{ regex: 'red/.*' }] } }")).toEqual(neither);
    expect(apply("{ app: { oneof: [{ wildcard: '*' }] } }")).toEqual(both);
    expect(apply("{ param: [{ key: env, value: { exact: gray } }] }")).toEqual(both);
    expect(apply("{ param: [{ key: none, value: { noempty: 'true' } }] }")).toEqual(neither);
    expect(apply("{ param: [{ key: none, value: { empty: 'true' } }] }")).toEqual(both);
  });
});

test("a condition on a parameter that nobody publishes does not hold, whatever it is called", () => {
  const rule = rulesOf(`
key: demo-consumer
scope: application
configs:
  - side: consumer
    match: { param: [{ key: toString, value: { prefix: x } }] }
    parameters: { weight: 1 }
`);
  expect(hosts(consumerOverride(rule, target).apply(resolved()))).toEqual(["10.0.0.1 100", "10.0.0.2 100"]);
});

test("rules on the provider's side change what it publishes, where it is served", () => {
  const text = `---
configVersion: v2.7
scope: service
key: blue/com.acme.Greeter:1.0.0
configs:
- addresses: ['10.0.0.9:20880', '0.0.0.0:20881']
  side: provider
  parameters:
    weight: 222
    timeout: 700
    hello.retries: 0
    dubbo.tag: gray
    cluster: failfast
    threads: 5
...
`;
  const published = { weight: 100, methods: { hello: { timeoutMs: 5 } }, params: { a: "b" } };
  const at = (host: string, port: number) =>
    overriddenOptions(published, rulesOf(text), { application: "demo-provider", service }, { host, port });
  expect(at("10.0.0.9", 20_880)).toEqual({
    weight: 222,
    timeoutMs: 700,
    methods: { hello: { timeoutMs: 5, retries: 0 } },
    tag: "gray",
    cluster: "failfast",
    params: { a: "b", threads: "5" },
  });
  expect(at("10.0.0.1", 20_881).weight).toBe(222);
  expect(at("10.0.0.1", 20_880)).toBe(published);
  const off = rulesOf(item("side: provider\nparameters: { disabled: true }", "scope: application\nkey: p"));
  const options = overriddenOptions({}, off, { application: "p", service: plain }, { host: "h", port: 1 });
  expect(options).toEqual({ weight: 0, params: { disabled: "true" } });
});
