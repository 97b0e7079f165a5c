import { readOverrideRule } from "./override-rule.js";

describe("a rule of .configurators", () => {
  test("is read as Java writes it, version 2.7", () => {
    const source = `
---
configVersion: v2.7
scope: application
key: demo-consumer
configs:
- addresses: [127.0.0.1, 0.0.0.0]
  providerAddresses: ['127.0.0.1:20880']
  services: ['*']
  side: consumer
  parameters:
    loadbalance: random
    cluster: failfast
    timeout: 6666
...
`;
    expect(readOverrideRule(source).rule).toMatchObject({
      scope: "application",
      key: "demo-consumer",
      enabled: true,
      items: [
        {
          side: "consumer",
          addresses: ["127.0.0.1", "0.0.0.0"],
          providerAddresses: ["127.0.0.1:20880"],
          services: ["*"],
          parameters: { loadbalance: "random", cluster: "failfast", timeout: "6666" },
        },
      ],
    });
  });

  test("is read as Java writes it, version 3.0 with conditions", () => {
    const source = `
---
configVersion: v3.0
scope: application
key: demo-provider
configs:
  - match:
      address:
        wildcard: "10.0.0.1:20880"
      service:
        oneof:
          - exact: "DemoService"
          - exact: "DemoService2"
      param:
        - key: match_key1
          value:
            exact: value1
    side: provider
    parameters:
      weight: 200
...
`;
    expect(readOverrideRule(source).rule?.items).toMatchObject([
      {
        side: "provider",
        match: {
          address: { wildcard: "10.0.0.1:20880" },
          service: [{ exact: "DemoService" }, { exact: "DemoService2" }],
          params: [{ key: "match_key1", value: { exact: "value1" } }],
        },
        parameters: { weight: "200" },
      },
    ]);
  });

  test("that cannot be is refused as a whole, and says why", () => {
    const bad =
      "key: app\nscope: application\nconfigs:\n- side: consumer\n  parameters: { timeout: soon, retries: 1 }";
    expect(readOverrideRule(bad).problems).toEqual([
      'configs.0.parameters.timeout: "soon" is no duration above 0',
    ]);
    const none = readOverrideRule("key: a\nconfigs:\n- side: both\n  parameters: {}").problems;
    expect(none).toEqual(["configs.0.side: is neither consumer nor provider"]);
    expect(readOverrideRule('["override://0.0.0.0/x?timeout=1"]').problems).toHaveLength(1);
    expect(readOverrideRule("key: [").problems?.[0]).toMatch(/^line 1: /);
    expect(readOverrideRule("{}").problems?.[0]).toContain("key: ");
    const hostile = readOverrideRule("key: a\nconfigs: [{ __proto__: { side: x } }]");
    expect(hostile.problems).toHaveLength(1);
  });
});

test("a rule may be about methods and parameters whatever they are called", () => {
  const rule = (name: string) =>
    readOverrideRule(
      `key: app\nscope: application\nconfigs: [{ side: consumer, parameters: { ${name}: x } }]`,
    );
  for (const name of ["toString", "hello.toString", "hello.constructor", "valueOf", "hello.__proto__"])
    expect(rule(name).rule?.items[0]?.parameters).toEqual({ [name]: "x" });
});

test("a pattern that takes for ever is refused, and patterns of people are not", () => {
  const problemOf = (regex: string) =>
    readOverrideRule(
      `key: app\nconfigs: [{ side: consumer, match: { application: { oneof: [{ regex: '${regex}' }] } }, parameters: { timeout: 1 } }]`,
    ).problems?.join();
  const people = ["shop-.*", ".*", "(?:shop|cart)-[a-z]+", "10\\.0\\.\\d{1,3}\\.\\d{1,3}", "(a)(b)?[*+(]{2}"];
  for (const regex of people) expect([regex, problemOf(regex)]).toEqual([regex, undefined]);
  const costly = [
    "(a+)+",
    "(a|a)*",
    "((a?)b){9}",
    "a?".repeat(40),
    "a*a*a*a*",
    "(?=a)b",
    "(a)\\1",
    "(a{0,9}){9}",
  ];
  for (const regex of [...costly, "(", "a".repeat(201)])
    expect([regex, problemOf(regex)]).toEqual([regex, expect.any(String)]);
  expect(problemOf("(a+)+")).toBe(
    "configs.0.match.application.oneof.0.regex: repeats what has a repetition or a choice in it",
  );
});
