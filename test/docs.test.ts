import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { promisify } from "node:util";
import { blocksOf, programOf, root } from "./docs.js";
import { freeBasePort } from "./programs.js";

const run = promisify(execFile);

/** Pages whose TypeScript must compile. */
const pages = [
  "README.md",
  ...readdirSync(join(root, "docs"), { encoding: "utf8", recursive: true }).flatMap((name) =>
    name.endsWith(".md") ? [`docs/${name}`] : [],
  ),
  ...["packages", "protocols", "samples"].flatMap((folder) =>
    readdirSync(join(root, folder)).map((name) => `${folder}/${name}/README.md`),
  ),
].filter((page) => existsSync(join(root, page)));

/** What examples use without saying where it comes from. */
const given = `
declare const signal: AbortSignal;
declare const instance: import("dubbo-ts").ServiceInstance;
declare const invocation: import("dubbo-ts").Invocation;
declare const tools: import("@dubbo-ts/cli").CommandTools;
declare const protocol: import("@dubbo-ts/rpc").Protocol;
declare const users: { getUser(id: bigint): Promise<unknown> };
declare module "*/my-registry.js" {
  export function myRegistry(address: string): import("@dubbo-ts/discovery").Registry;
}
declare module "*/start-server.js" {
  export function startServer(): Promise<Record<"kill" | "start" | "stop", () => Promise<void>> & { address: string }>;
}
`;

describe("what the pages show", () => {
  let directory: string;
  let built: { stdout: string } | undefined;

  // Within the repository, so that packages are found; compiled as a reader would, against what was built.
  beforeAll(async () => {
    await mkdir(join(root, "node_modules/.cache"), { recursive: true });
    directory = await mkdtemp(join(root, "node_modules/.cache/docs-"));
    await writeFile(join(directory, "package.json"), '{ "type": "module" }');
    for (const page of pages) {
      const blocks = blocksOf(page);
      const folder = join(directory, page.replace(/\.md$/, "").replaceAll("/", "_"));
      await mkdir(folder);
      const named = blocks.filter(
        ({ language, file }) => ["ts", "yaml"].includes(language) && file !== undefined,
      );
      for (const { file, text } of named)
        if (!file?.includes("/")) await writeFile(join(folder, file as string), text);
      await writeFile(join(folder, "page.ts"), programOf(blocks));
    }
    await writeFile(join(directory, "given.d.ts"), given);
    const settings = blocksOf("docs/quick-start.md").find(({ file }) => file === "tsconfig.json")?.text ?? "";
    const { compilerOptions } = JSON.parse(settings) as { compilerOptions: object };
    const config = {
      compilerOptions: { ...compilerOptions, types: ["node", "jest"] },
      include: ["*.d.ts", "*/*.ts"],
    };
    await writeFile(join(directory, "tsconfig.json"), JSON.stringify(config));
    built = await run(join(root, "node_modules/.bin/tsc"), ["-p", directory]).catch(
      (error: { stdout: string }) => error,
    );
  }, 60_000);
  afterAll(() => rm(directory, { recursive: true }));

  test("compiles", () => {
    expect(built?.stdout).toBe("");
  });

  test("is in the files that it names", () => {
    for (const page of pages)
      for (const { file, text } of blocksOf(page))
        if (file?.includes("/"))
          expect(normal(readFileSync(join(root, file), "utf8"))).toContain(normal(text));
  });

  test("and link to is there", () => {
    const missing = pages.flatMap((page) => {
      const text = readFileSync(join(root, page), "utf8");
      const paths = [...text.matchAll(/`((?:packages|protocols|samples|profiles|scripts|test)\/[\w./-]+)`/g)];
      const links = [...text.matchAll(/\]\((?!https?:|#)([^)#]+)/g)];
      const named = [
        ...paths.map(([, path = ""]) => join(root, path)),
        ...links.map(([, path = ""]) => join(root, dirname(page), path)),
      ];
      return named.filter((path) => !existsSync(path)).map((path) => `${page}: ${path.slice(root.length)}`);
    });
    expect(missing).toEqual([]);
  });

  test("of service definitions does what it says", async () => {
    const { stdout } = await run(process.execPath, [join(directory, "docs_service-definitions/page.js")]);
    expect(stdout).toBe(
      blocksOf("docs/service-definitions.md").find(({ language }) => language === "text")?.text,
    );
  }, 30_000);

  test("in the quick start prints what it says", async () => {
    const folder = join(directory, "docs_quick-start");
    const env = { ...process.env, DUBBO_REGISTRY: `local://127.0.0.1:${await freeBasePort()}` };
    const serve = async (name: string) => {
      const child = spawn(process.execPath, [`${name}.js`], {
        cwd: folder,
        env,
        stdio: ["ignore", "pipe", "inherit"],
      });
      const [line] = (await once(createInterface({ input: child.stdout }), "line")) as [string];
      const end = async () => {
        child.kill("SIGTERM");
        expect(await once(child, "exit")).toEqual([0, null]);
      };
      return { line, end };
    };
    const print = async (name: string) =>
      (await run(process.execPath, [`${name}.js`], { cwd: folder, env })).stdout;
    const blocks = blocksOf("docs/quick-start.md");
    const commands = blocks.flatMap(({ text }) => /^npx dubbo-ts (?!registry)(.*)\n/.exec(text)?.[1] ?? []);
    const look = async (command: string) => {
      const args = command.split(" ").map((arg) => arg.replaceAll("'", ""));
      const bin = join(root, "packages/dubbo-ts/dist/bin.js");
      return run(process.execPath, [bin, ...args], { cwd: folder, env }).then(outputOf, outputOf);
    };
    const provider = await serve("provider");
    const outputs = [provider.line, await print("consumer")];
    const server = await serve("user-server");
    outputs.push(server.line, await print("user-client"));
    for (const args of commands) outputs.push(await look(args));
    await Promise.all([provider.end(), server.end()]);
    const texts = blocks.filter(({ language }) => language === "text");
    const shown = texts.filter(({ text }) => !text.startsWith("embedded registry"));
    expect(outputs.map(withoutNumbers)).toEqual(shown.map(({ text }) => withoutNumbers(text)));
  }, 60_000);
});

/** Of `doctor`, which ends with another exit code, too. */
function outputOf({ stdout }: { stdout: string }): string {
  return stdout;
}

/** Process ids, ports, revisions and times differ from run to run, and with them the widths of columns. */
function withoutNumbers(text: string): string {
  return normal(text)
    .replace(/\b[0-9a-f]{12}\b/g, "<revision>")
    .replace(/(?<=process )\d+|\d{4,}|\d+ ms/g, "<number>");
}

function normal(text: string): string {
  return text.replace(/\s+/g, " ").trim();
}
