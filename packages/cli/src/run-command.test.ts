import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { RegistryError } from "@dubbo-ts/core";
import { sampleInstance } from "@dubbo-ts/testkit";
import { greeter, World } from "./test-support.js";

let world: World;

beforeEach(() => {
  world = new World();
});

afterEach(() => world[Symbol.asyncDispose]());

const run = (...args: string[]) => world.run(args);

/** Lines with runs of blanks as one. */
const lines = (text: string) => text.split("\n").map((line) => line.replace(/ +/g, " "));

const push = (...instances: Parameters<typeof sampleInstance>[0][]) => {
  for (const fields of instances) {
    const { registry } = world.place();
    const instance = sampleInstance(fields);
    const before = registry.truth.get(instance.application) ?? [];
    registry.truth.set(instance.application, [...before, instance]);
    registry.push(instance.application, [...before, instance]);
  }
};

const revision = "2b04324bd248687484e2e65b1b9a3d16";

describe("apps", () => {
  test("lists applications with their instances, those that take calls, revisions and protocols", async () => {
    push(
      { application: "b-app", host: "10.0.0.1" },
      {
        application: "b-app",
        host: "10.0.0.2",
        enabled: false,
        revision: "feed",
        ports: { tri: 1, dubbo: 2 },
      },
      { application: "a-app", revision: undefined, ports: {} },
    );
    const ran = await run("apps");
    expect(ran.code).toBe(0);
    expect(lines(ran.out)).toEqual([
      "APPLICATION INSTANCES USABLE REVISIONS PROTOCOLS",
      "a-app 1 0 - -",
      "b-app 2 1 2b04324bd248 feed dubbo tri",
    ]);
    expect((await run("apps", "--json")).json()).toEqual([
      { application: "a-app", instances: 1, usable: 0, revisions: [], protocols: [] },
      {
        application: "b-app",
        instances: 2,
        usable: 1,
        revisions: [revision, "feed"],
        protocols: ["dubbo", "tri"],
      },
    ]);
  });

  test("says of an empty registry that it is empty", async () => {
    expect(await run("apps")).toMatchObject({ code: 0, out: "no applications in scripted://" });
    expect((await run("apps", "--json")).json()).toEqual([]);
  });

  test("says how far it is, to who looks, and takes that away", async () => {
    push({ application: "a" }, { application: "b" });
    const said: string[] = [];
    await world.run(["apps"], { status: (text) => void said.push(text) });
    expect(said).toEqual(["applications 1/2", "applications 2/2", ""]);
  });
});

describe("instances", () => {
  test("lists all, or those of one application, with their state", async () => {
    push(
      { application: "app", host: "10.0.0.1", weight: 0 },
      { application: "app", host: "10.0.0.2", healthy: false, storage: "remote", startedAtMs: undefined },
      { application: "app", host: "10.0.0.3", revision: undefined, ports: {}, metadataService: undefined },
      { application: "other", host: "10.0.0.4" },
    );
    const ran = await run("instances", "app");
    expect(lines(ran.out)).toEqual([
      "APPLICATION ADDRESS STATE REVISION ENDPOINTS METADATA STARTED",
      "app 10.0.0.1:20880 weight 0 2b04324bd248 dubbo:20880 dubbo:20880 2023-11-14T22:13:20",
      "app 10.0.0.2:20880 unhealthy 2b04324bd248 dubbo:20880 report -",
      "app 10.0.0.3:20880 not dubbo - - - 2023-11-14T22:13:20",
    ]);
    const all = (await run("instances", "--json")).json() as { application: string; state: string }[];
    expect(all.map(({ application, state }) => `${application} ${state}`)).toEqual([
      "app weight 0",
      "app unhealthy",
      "app not dubbo",
      "other ok",
    ]);
  });

  test("of an application that has none exit with 3, and say what there is", async () => {
    push({ application: "other" });
    const ran = await run("instances", "app");
    expect(ran).toMatchObject({ code: 3, out: "", err: "no instances of app in scripted://; it has other" });
  });
});

describe("mapping", () => {
  test("shows who is mapped to an interface, and how many instances they have", async () => {
    await world.provider("greeter-app");
    await world.place().map(greeter, "greeter-app", "gone-app");
    const ran = await run("mapping", greeter);
    expect(lines(ran.out).slice(1)).toEqual([`${greeter} greeter-app 1`, `${greeter} gone-app 0`]);
    expect((await run("mapping", greeter, "--json")).json()).toEqual({
      interface: greeter,
      applications: [
        { application: "greeter-app", instances: 1 },
        { application: "gone-app", instances: 0 },
      ],
    });
    expect(await run("mapping", "org.example.Nobody")).toMatchObject({ code: 3 });
  });

  test("without a name lists what is offered beside what is mapped, and who cannot be asked", async () => {
    await world.provider("greeter-app");
    await world.provider("new-app", { name: "org.example.Unmapped" });
    await world.place().map("org.example.Unmapped");
    world
      .place()
      .registry.push("broken-app", [sampleInstance({ application: "broken-app", revision: "feed" })]);
    const ran = await run("mapping");
    expect(ran.code).toBe(0);
    expect(lines(ran.out)).toEqual([
      "INTERFACE MAPPED TO OFFERED BY",
      `${greeter} greeter-app greeter-app`,
      "org.example.Unmapped - new-app",
    ]);
    expect(ran.err).toContain("broken-app: metadata of broken-app at revision feed: none of");
  });
});

describe("metadata", () => {
  test("shows what an application offers, and who told", async () => {
    const instance = await world.provider("greeter-app", { version: "1.0.0" });
    const ran = await run("metadata", "greeter-app");
    const short = instance.revision?.slice(0, 12);
    expect(lines(ran.out)).toEqual([
      "REVISION SERVICE PROTOCOL PORT METHODS FROM",
      `${short} ${greeter}:1.0.0 dubbo ${instance.port} hello ${instance.id}`,
    ]);
    expect((await run("metadata", "greeter-app", String(short), "--json")).json()).toMatchObject([
      {
        application: "greeter-app",
        revision: instance.revision,
        source: instance.id,
        instances: [instance.id],
        services: [
          { interface: greeter, version: "1.0.0", group: "", protocol: "dubbo", port: instance.port },
        ],
      },
    ]);
  });

  test("reads a revision that no instance carries from the report", async () => {
    const metadata = world.offers("greeter-app", 20_880);
    await world.place().report?.publish(metadata, AbortSignal.timeout(5_000));
    const ran = await run("metadata", "greeter-app", metadata.revision);
    expect(lines(ran.out)[1]).toMatch(/ report$/);
  });

  test("tells an application without instances from one without a revision, and from one that does not answer", async () => {
    expect(await run("metadata", "app")).toMatchObject({ code: 3 });
    push({ application: "spring", revision: undefined }, { application: "silent", revision: "feed" });
    expect(await run("metadata", "spring")).toMatchObject({
      code: 3,
      err: "spring: 1 instance, none with a Dubbo revision",
    });
    const silent = await run("metadata", "silent");
    expect(silent.code).toBe(1);
    expect(silent.err).toContain("METADATA_UNAVAILABLE: metadata of silent at revision feed");
    expect(silent.err).toContain("does not know revision feed");
  });
});

describe("the command", () => {
  test("exits with 1 when a registry does not answer, with its code and the time it waited", async () => {
    world.place().registry.fail = new RegistryError("REGISTRY_REFUSED", "no permission");
    expect(await run("apps")).toMatchObject({ code: 1, out: "", err: "REGISTRY_REFUSED: no permission" });
    world.place().registry.fail = "hang";
    const ran = await run("apps", "--timeout", "20ms");
    expect(ran.code).toBe(1);
    expect(ran.err).toMatch(
      /^REGISTRY_UNAVAILABLE: (applications: no answer: )?scripted:\/\/: no answer in 20 ms$/,
    );
  });

  test("takes the registry from the option, else from DUBBO_REGISTRY, else it is the embedded one", async () => {
    const asked = async (args: string[], env: Record<string, string>) => {
      world.places.clear();
      await world.run(["apps", ...args], { env });
      return [...world.places.keys()];
    };
    const env = { DUBBO_REGISTRY: "memory://?group=env" };
    expect(await asked(["--registry", "memory://?group=option"], env)).toEqual(["memory://?group=option"]);
    expect(await asked([], env)).toEqual(["memory://?group=env"]);
    expect(await asked([], {})).toEqual(["local://"]);
  });

  test("uses colours on a terminal only, and not where NO_COLOR is set", async () => {
    push({ application: "app" });
    const first = async (io: object) => (await world.run(["apps"], io)).out.split("\n")[0];
    expect(await first({ isTerminal: true })).toContain("\u001b[1mAPPLICATION");
    expect(await first({ isTerminal: true, env: { DUBBO_REGISTRY: "memory://", NO_COLOR: "1" } })).toMatch(
      /^APP/,
    );
    expect(await first({ isTerminal: true, env: { DUBBO_REGISTRY: "memory://", TERM: "dumb" } })).toMatch(
      /^APP/,
    );
    expect(await first({ isTerminal: false })).toMatch(/^APP/);
  });

  test("explains itself: every command has an example, wrong use exits with 2", async () => {
    const help = await run("--help");
    expect(help).toMatchObject({ code: 0, err: "" });
    expect(help.out).toContain("Exit codes: 0 done, 1 failed, 2 wrong use, 3 not found");
    const names = [...help.out.matchAll(/^ {2}([a-z]+) [[<]/gm)].map(([, name]) => name as string);
    expect(names).toEqual([
      "apps",
      "instances",
      "mapping",
      "metadata",
      "call",
      "doctor",
      "registry",
      "completion",
      "help",
    ]);
    for (const name of names.filter((one) => one !== "help"))
      expect((await run(name, "--help")).out).toMatch(new RegExp(`Examples:\\n {2}.*dubbo-ts ${name}`));
    expect(await run("--version")).toMatchObject({ code: 0, out: "1.2.3" });
    expect(await run("nonsense")).toMatchObject({ code: 2, out: "" });
    expect(await run("apps", "--port", "1")).toMatchObject({ code: 2, out: "" });
    expect(await run("registry", "--port", "99999")).toMatchObject({ code: 2, out: "" });
  });
});

describe("completion", () => {
  test("of bash completes commands, options and shells, in a real bash", async () => {
    const { out } = await run("completion", "bash");
    const directory = mkdtempSync(join(tmpdir(), "completion-"));
    try {
      const script = join(directory, "completion.bash");
      writeFileSync(script, out);
      const complete = (...words: string[]) => {
        const setUp = `source ${script}; COMP_WORDS=(dubbo-ts ${words.map((word) => `'${word}'`).join(" ")}); COMP_CWORD=${words.length}`;
        return execFileSync("bash", ["-c", `${setUp}; _dubbo_ts; echo "\${COMPREPLY[*]}"`], {
          encoding: "utf8",
        }).trim();
      };
      expect(complete("m")).toBe("mapping metadata");
      expect(complete("doctor", "--ver")).toBe("--version");
      expect(complete("apps", "--")).toBe("--registry --timeout --json --help");
      expect(complete("completion", "")).toContain("bash zsh fish");
    } finally {
      rmSync(directory, { recursive: true });
    }
  });

  test("of zsh and fish names every command and option, quoted", async () => {
    const zsh = (await run("completion", "zsh")).out;
    expect(zsh).toMatch(/^#compdef dubbo-ts\n/);
    expect(zsh).toContain("doctor) _arguments '--app[");
    const fish = (await run("completion", "fish")).out;
    expect(fish).toContain("complete -c dubbo-ts -f -n __fish_use_subcommand -a doctor -d '");
    expect(fish).toContain("'__fish_seen_subcommand_from call' -l types -d '");
    for (const line of fish.split("\n")) expect(line.split("'").length % 2).toBe(1);
    for (const line of zsh.split("\n")) expect(line.split("'").length % 2).toBe(1);
    expect(await run("completion", "tcsh")).toMatchObject({ code: 2, out: "" });
  });
});
