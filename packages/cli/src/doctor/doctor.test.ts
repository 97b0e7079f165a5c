import { readFileSync } from "node:fs";
import { join } from "node:path";
import { errorCodes, RegistryError, RpcError } from "@dubbo-ts/core";
import { sampleInstance } from "@dubbo-ts/testkit";
import { greeter, type OfferOptions, type Ran, World } from "../test-support.js";
import { steps } from "./examine.js";
import { otherPlaces, safeUrl } from "./other-places.js";
import { type Problem, problems } from "./problems.js";
import type { Finding } from "./step.js";

interface Report {
  readonly service: string;
  readonly healthy: boolean;
  readonly steps: readonly Finding[];
}

let world: World;

beforeEach(() => {
  world = new World();
});

afterEach(() => world[Symbol.asyncDispose]());

const doctor = (...args: readonly string[]) => world.run(["doctor", greeter, "--timeout", "2s", ...args]);

const reportOf = (ran: Ran) => ran.json() as Report;

/** The last finding, which is broken: of that step, problem and code. */
async function diagnosis(...args: readonly string[]): Promise<Finding> {
  const ran = await doctor("--json", ...args);
  const { healthy, steps: findings } = reportOf(ran);
  expect(ran.code).toBe(1);
  expect(healthy).toBe(false);
  const broken = findings.at(-1) as Finding;
  expect(broken.state).toBe("broken");
  expect(findings.slice(0, -1).every(({ state }) => state !== "broken")).toBe(true);
  expect(errorCodes).toContain(broken.code);
  expect(broken.cure).not.toBe("");
  return broken;
}

/** An instance of the application, of a revision that is known or not. */
function register(app: string, port: number, fields: Parameters<typeof sampleInstance>[0] = {}): void {
  const instance = sampleInstance({
    application: app,
    host: "127.0.0.1",
    port,
    ports: { dubbo: port },
    ...fields,
  });
  world.place().registry.push(app, [instance]);
}

// One for each problem: the compiler misses one that is left out.
const cases: Record<Problem, { title: string; step: string; run: () => Promise<Finding>; says: RegExp }> = {
  "registry-down": {
    title: "a registry that is down",
    step: "registry",
    run: async () => diagnosis("--registry", `zookeeper://127.0.0.1:${await world.deadPort()}`),
    says: /^zookeeper:\/\/127\.0\.0\.1:\d+ cannot be reached: 127\.0\.0\.1:\d+: ECONNREFUSED$/,
  },
  "wrong-root": {
    title: "a wrong namespace, by the right one",
    step: "provided-by",
    run: async () => {
      await world.provider();
      return diagnosis("--registry", "memory://?namespace=staging");
    },
    says: /^nobody is mapped to it here, but greeter-app at memory:\/\/$/,
  },
  "no-mapping": {
    title: "an interface that nobody is mapped to",
    step: "provided-by",
    run: () => {
      register("other-app", 1);
      return diagnosis();
    },
    says: /^no application is mapped to it, and none is named; registered are other-app$/,
  },
  "no-instances": {
    title: "a mapping to an application without instances",
    step: "instances",
    run: async () => {
      await world.place().map(greeter, "greeter-app");
      register("other-app", 1);
      return diagnosis();
    },
    says: /^greeter-app: no instances; others are registered: other-app$/,
  },
  "all-disabled": {
    title: "instances that somebody switched off",
    step: "health",
    run: () => {
      register("greeter-app", 20_880, { enabled: false });
      return diagnosis("--app", "greeter-app");
    },
    says: /^all are switched off: 127\.0\.0\.1:20880 disabled$/,
  },
  "not-dubbo": {
    title: "instances of Spring Cloud",
    step: "revision",
    run: () => {
      const labels = { "preserved.register.source": "SPRING_CLOUD" };
      register("greeter-app", 8_080, { revision: undefined, metadataService: undefined, ports: {}, labels });
      return diagnosis("--app", "greeter-app");
    },
    says: /^none of 1 instance has a Dubbo revision, they are Spring Cloud's$/,
  },
  "metadata-unavailable": {
    title: "a revision that nobody can tell about",
    step: "metadata",
    run: () => {
      register("greeter-app", 20_880, { revision: "0123456789abcdef" });
      return diagnosis("--app", "greeter-app");
    },
    says: /^0123456789ab: .*none of 1 reports and 1 instances has it: .*does not know revision.*the report has nothing/,
  },
  "not-offered": {
    title: "an application that does not offer the interface",
    step: "service",
    run: async () => {
      await world.provider("greeter-app", { name: "org.example.Other" });
      return diagnosis("--app", "greeter-app");
    },
    says: /^not among what is offered: org\.example\.Other$/,
  },
  "other-version-or-group": {
    title: "another version and group, and which options would fit",
    step: "service",
    run: async () => {
      await world.provider("greeter-app", { version: "1.0.0", group: "eu" });
      const finding = await diagnosis("--version", "2.0.0");
      expect(finding.cure).toBe("ask for --version 1.0.0 --group eu");
      return finding;
    },
    says: /^version 2\.0\.0, group \(none\) is wanted, eu\/org\.example\.Greeter:1\.0\.0 \(dubbo\) is offered$/,
  },
  "other-protocol": {
    title: "another protocol",
    step: "protocol",
    run: async () => {
      await world.provider("greeter-app", { protocol: "rest" });
      return diagnosis();
    },
    says: /^offered over rest; dubbo is wanted, dubbo spoken$/,
  },
  "other-serialization": {
    title: "another serialization",
    step: "protocol",
    run: async () => {
      const params = { serialization: "fastjson2", "prefer.serialization": "fastjson2" };
      await world.provider("greeter-app", { params });
      return diagnosis();
    },
    says: /^fastjson2 is offered, hessian2 spoken$/,
  },
  "address-unreachable": {
    title: "an address that cannot be reached",
    step: "address",
    run: async () => {
      const port = await world.deadPort();
      register("greeter-app", port, { revision: world.offers("greeter-app", port).revision });
      return diagnosis("--app", "greeter-app");
    },
    says: /^127\.0\.0\.1:\d+: ECONNREFUSED$/,
  },
  "provider-error": {
    title: "a provider that answers with an error",
    step: "echo",
    run: async () => {
      await world.provider();
      world.answer = ({ service }) => {
        throw new RpcError("SERVICE_NOT_FOUND", `${service.text} is not served`);
      };
      const finding = await diagnosis();
      expect(finding.code).toBe("SERVICE_NOT_FOUND");
      return finding;
    },
    says: /^dubbo:\/\/127\.0\.0\.1:\d+: org\.example\.Greeter is not served$/,
  },
};

describe("the doctor tells", () => {
  for (const [problem, { title, step, run, says }] of Object.entries(cases))
    test(title, async () => {
      const finding = await run();
      expect(finding).toMatchObject({ step, problem });
      expect(finding.found).toMatch(says);
    });

  test("a registry that answers with an error by its code, and one that says nothing by the time it took", async () => {
    world.place().registry.fail = new RegistryError("REGISTRY_AUTH_FAILED", "wrong password");
    expect(await diagnosis()).toMatchObject({ problem: "registry-down", code: "REGISTRY_AUTH_FAILED" });
    world.place().registry.fail = "hang";
    const finding = await diagnosis("--timeout", "20ms");
    expect(finding).toMatchObject({ problem: "registry-down", code: "REGISTRY_UNAVAILABLE" });
    expect(finding.found).toContain("no answer in 20 ms");
  });

  test("an address that is none, and a scheme that nobody knows", async () => {
    const none = await world.run(["doctor", greeter, "--registry", "nonsense"]);
    expect(none).toMatchObject({ code: 1 });
    expect(none.out).toContain("ADDRESS_INVALID");
    expect(none.out).toContain("correct the URL");
  });

  test("an empty registry, and instances in another group while the mapping is here", async () => {
    expect(await diagnosis()).toMatchObject({ problem: "wrong-root", step: "provided-by" });
    const here = "memory://?rootPath=x";
    const instance = await world.provider();
    await world.place(here).map(greeter, "greeter-app");
    const finding = await diagnosis("--registry", here);
    expect(finding).toMatchObject({ problem: "wrong-root", step: "instances" });
    expect(finding.found).toContain(`greeter-app at ${instance.id} in memory://`);
    expect(finding.cure).toContain("use memory://");
  });

  test("metadata that is none", async () => {
    const [port, revision] = [20_880, "0123456789abcdef"];
    world.metadata.set(revision, { hello: "world" });
    world.place().report = undefined;
    register("greeter-app", port, { revision });
    expect(await diagnosis("--app", "greeter-app")).toMatchObject({
      step: "metadata",
      code: "METADATA_INVALID",
    });
  });
});

describe("the doctor finds nothing broken", () => {
  test("when a provider answers, and asks it as the consumer would", async () => {
    const instance = await world.provider("greeter-app", {
      version: "1.0.0",
      group: "eu",
    } satisfies OfferOptions);
    const ran = await doctor("--json", "--version", "*", "--group", "eu,us");
    const { healthy, steps: findings } = reportOf(ran);
    expect(ran.code).toBe(0);
    expect(healthy).toBe(true);
    expect(findings.map(({ step, state }) => `${step} ${state}`)).toEqual(
      steps.map(({ name }) => `${name} ok`),
    );
    expect(findings.find(({ step }) => step === "metadata")?.found).toContain(`from instance ${instance.id}`);
    expect(findings.every(({ ms }) => ms >= 0)).toBe(true);
    expect(world.calls[0]).toMatchObject({
      method: "$echo",
      service: { text: "eu/org.example.Greeter:1.0.0" },
    });
  });

  test("when the metadata is in the report, which it says", async () => {
    const port = await world.listen();
    const metadata = world.offers("greeter-app", port);
    world.metadata.clear();
    await world.place().report?.publish(metadata, AbortSignal.timeout(5_000));
    register("greeter-app", port, {
      revision: metadata.revision,
      storage: "remote",
      metadataService: undefined,
    });
    const { healthy, steps: findings } = reportOf(await doctor("--json", "--app", "greeter-app"));
    expect(healthy).toBe(true);
    expect(findings.find(({ step }) => step === "metadata")?.found).toContain("from the report");
  });

  test("when the report has what an instance tells wrong", async () => {
    const { revision } = await world.provider();
    const metadata = world.offers("greeter-app", 20_880);
    world.metadata.set(revision as string, "{no json");
    const signal = AbortSignal.timeout(5_000);
    await world.place().report?.publish({ ...metadata, revision: revision as string }, signal);
    const finding = reportOf(await doctor("--json")).steps.find(({ step }) => step === "metadata");
    expect(finding).toMatchObject({ state: "ok" });
    expect(finding?.found).toContain("from the report");
  });

  test("when a part is ill, but says which", async () => {
    const well = await world.provider();
    const dead = await world.deadPort();
    const { registry } = world.place();
    const more = [
      sampleInstance({ application: "greeter-app", host: "127.0.0.1", port: dead, revision: well.revision }),
      sampleInstance({
        application: "greeter-app",
        host: "127.0.0.2",
        healthy: false,
        revision: well.revision,
      }),
      sampleInstance({ application: "greeter-app", host: "127.0.0.3", revision: undefined }),
      sampleInstance({ application: "greeter-app", host: "127.0.0.4", revision: "feedfeedfeed" }),
    ];
    registry.push("greeter-app", [well, ...more]);
    const ran = await doctor();
    expect(ran.code).toBe(0);
    const looks = ran.out.split("\n").filter((line) => line.startsWith("look"));
    expect(looks.map((line) => line.split(/\s+/)[1])).toEqual(["health", "revision", "metadata", "address"]);
    expect(ran.out).toContain(`1 of 2 can be connected to; 127.0.0.1:${dead}: ECONNREFUSED`);
  });

  test("when a plain gRPC service knows no $echo", async () => {
    await world.provider();
    world.answer = () => {
      throw new RpcError("METHOD_NOT_FOUND", "unimplemented");
    };
    expect(reportOf(await doctor("--json")).healthy).toBe(true);
  });
});

test("the doctor prints each step for people, and why and what to do where the way ends", async () => {
  register("greeter-app", 20_880, { enabled: false });
  const ran = await doctor("--app", "greeter-app");
  const lines = ran.out.replace(/\d+ ms/g, "n ms").split("\n");
  expect(lines).toEqual([
    "ok      registry     memory:// answers, 1 application  n ms",
    `look    mapping      nobody is mapped to ${greeter}  n ms`,
    "ok      provided-by  greeter-app (--app)  n ms",
    "ok      instances    1 instance: greeter-app 1  n ms",
    "BROKEN  health       all are switched off: 127.0.0.1:20880 disabled  n ms",
    "        why   NO_PROVIDER (all-disabled)",
    `        do    ${problems["all-disabled"].cure}`,
  ]);
});

test("what a peer wrote cannot move the terminal", async () => {
  world.place().registry.push("a\u001b[2Jb\nok      registry", [sampleInstance()]);
  const ran = await doctor();
  expect(ran.out).not.toContain("\u001b");
  expect(ran.out.split("\n").filter((line) => line.startsWith("ok"))).toHaveLength(1);
});

test("a program that is to end ends the doctor, whatever it waits for", async () => {
  world.place().registry.fail = "hang";
  const controller = new AbortController();
  const ran = world.run(["doctor", greeter], {
    signal: controller.signal,
    status: () => controller.abort("SIGINT"),
  });
  expect(await ran).toMatchObject({ code: 1, err: "interrupted" });
});

test("other places of a registry are those without path, namespace and group", () => {
  expect(otherPlaces("zookeeper://h:2181/chroot?group=a&timeout=3")).toEqual([
    "zookeeper://h:2181?group=a&timeout=3",
    "zookeeper://h:2181/chroot?timeout=3",
    "zookeeper://h:2181?timeout=3",
  ]);
  expect(otherPlaces("nacos://u:p@h:8848?namespace=dev&group=g")).toEqual([
    "nacos://u:p@h:8848",
    "nacos://u:p@h:8848?group=g",
    "nacos://u:p@h:8848?namespace=dev",
  ]);
  expect(otherPlaces("memory://")).toEqual([]);
  expect(safeUrl("nacos://u:p@h:8848?namespace=dev&password=x")).toBe("nacos://h:8848?namespace=dev");
});

test("every code that the doctor can print is an error code, and docs/command.md has every problem with its code", () => {
  for (const { code, cure } of Object.values(problems)) {
    expect(errorCodes).toContain(code);
    expect(cure).not.toBe("");
  }
  const text = readFileSync(join(__dirname, "../../../../docs/command.md"), "utf8");
  const rows = [...text.matchAll(/^\| `([a-z-]+)` \| `([A-Z_]+)`/gm)].map(([, problem, code]) => [
    problem,
    code,
  ]);
  expect(rows).toEqual(Object.entries(problems).map(([problem, { code }]) => [problem, code]));
});
