import { readMigrationRule } from "./migration-rule.js";

test("a rule of Java's is read whole, in either spelling of the steps", () => {
  const { rule } = readMigrationRule(`key: demo-consumer
step: APPLICATION_FIRST
threshold: 1.0
proportion: 60
delay: 60
force: false
interfaces:
  - serviceKey: com.acme.Greeter:1.0.0
    step: FORCE_APPLICATION
    threshold: 0.5
applications:
  - serviceKey: demo-app
    step: force-interface
`);
  expect(rule).toMatchObject({
    step: "application-first",
    threshold: 1,
    proportion: 60,
    delayMs: 60_000,
    force: false,
  });
  expect(rule?.interfaces.get("com.acme.Greeter:1.0.0")).toMatchObject({
    step: "force-application",
    threshold: 0.5,
    proportion: undefined,
  });
  expect(rule?.applications.get("demo-app")?.step).toBe("force-interface");
});

test.each([
  ["step: SOMETIMES", /step: is none of force-interface/],
  ["proportion: 101", /proportion: is no number from 0 to 100/],
  ["interfaces: [{ step: FORCE_APPLICATION }]", /interfaces\.0\.serviceKey/],
  ["delay: later", /delay/],
  ["- a", /.+/],
  ["step: [", /line 1/],
])("a rule that says %s is wrong as a whole", (text, problem) => {
  const { rule, problems } = readMigrationRule(text);
  expect(rule).toBeUndefined();
  expect(problems?.join("\n")).toMatch(problem);
});
