// What `npm start` shows. Four processes: this one starts the others and prints what they say. With `--registry URL`
// they meet there, in the place of a registry of their own.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:net";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));
const command = here("../../../packages/dubbo-ts/dist/bin.js");
const server = here("../../user-info-server/dist/main.js");
const consumer = here("./consumer.js");

interface Line {
  readonly from: string;
  readonly text: string;
}

class Tour implements AsyncDisposable {
  readonly #children: ChildProcess[] = [];
  readonly #lines: Line[] = [];
  #wake: (() => void) | undefined;

  start(name: string, script: string, args: readonly string[]): ChildProcess {
    const child = spawn(process.execPath, [script, ...args], { stdio: ["ignore", "pipe", "inherit"] });
    this.#children.push(child);
    createInterface({ input: child.stdout }).on("line", (text) => {
      console.log(`  ${name.padEnd(10)} ${text}`);
      this.#lines.push({ from: name, text });
      this.#wake?.();
    });
    child.once("exit", () => this.#wake?.());
    return child;
  }

  /** Waits until the process `name` has printed `pattern` as often as `times`. */
  async saw(name: string, pattern: RegExp, times = 1): Promise<void> {
    const giveUp = Date.now() + 20_000;
    const count = () => this.#lines.filter(({ from, text }) => from === name && pattern.test(text)).length;
    while (count() < times) {
      const left = giveUp - Date.now();
      if (left <= 0) throw new Error(`${name} did not print ${pattern} in 20 s`);
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, left);
        this.#wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const child of this.#children.reverse()) {
      if (child.exitCode !== null || child.signalCode !== null) continue;
      child.kill("SIGTERM");
      await once(child, "exit");
    }
  }
}

/** A base port for the embedded registry whose gRPC port, 1,000 above, is free too. */
async function freeBasePort(): Promise<number> {
  for (;;) {
    const probe = createServer().listen(0, "127.0.0.1");
    await once(probe, "listening");
    const { port } = probe.address() as { port: number };
    probe.close();
    await once(probe, "close");
    if (port > 2_000) return port - 1_000;
  }
}

function say(text: string): void {
  console.log(`\n${text}`);
}

/** Starts the embedded registry; gives its URL. */
async function ownRegistry(tour: Tour): Promise<string> {
  const port = await freeBasePort();
  say("1. The embedded registry: no server to install. It speaks the Nacos protocol.");
  tour.start("registry", command, ["registry", "--port", String(port)]);
  await tour.saw("registry", /listening/);
  return `local://127.0.0.1:${port}`;
}

async function main(): Promise<void> {
  const { values } = parseArgs({ options: { registry: { type: "string" } } });
  await using tour = new Tour();
  const registry = ["--registry", values.registry ?? (await ownRegistry(tour))];
  if (values.registry !== undefined) say("1. A registry that is there already.");

  say("2. A provider. It registers once, under its application's name: user-info-server.");
  const first = tour.start("provider-1", server, registry);
  await tour.saw("provider-1", /registered/);

  say("3. A consumer. It knows an interface, and finds application, instance, revision and endpoints.");
  const client = tour.start("consumer", consumer, registry);
  const ended = once(client, "exit") as Promise<[number | null]>;
  await tour.saw("consumer", /pid \d+/, 3);

  say("4. A second provider joins. The consumer hears of it, and shares the calls out.");
  const second = tour.start("provider-2", server, registry);
  await tour.saw("provider-2", /registered/);
  await tour.saw("consumer", new RegExp(`pid ${second.pid}`), 2);

  say("5. The first provider is killed with -9: no goodbye, nothing deregistered. Calls go on.");
  first.kill("SIGKILL");
  await once(first, "exit");
  await tour.saw("consumer", new RegExp(`pid ${second.pid}`), 8);
  client.kill("SIGTERM");
  const [code] = await ended;
  if (code !== 0) throw new Error(`the consumer ended with code ${code}: a call failed`);
  say("Done: every call was answered. Where to go from here: docs/quick-start.md");
}

await main();
