import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { systemRuntime } from "@dubbo-ts/core";
import {
  follow,
  freePort,
  noLeaks,
  recordingLogger,
  sampleInstance,
  sampleMetadata,
  waitFor,
} from "@dubbo-ts/testkit";
import { joinLocalRegistry, type LocalOptions, type LocalRegistry } from "./local-registry.js";

const support = join(__dirname, "..", "test");
const forever = new AbortController().signal;

/** What a {@link Peer} says about itself. */
interface Fact {
  readonly atMs: number;
  readonly loaded?: true;
  readonly joined?: true;
  readonly serving?: boolean;
  readonly registered?: true;
  readonly ports?: readonly number[];
  readonly settled?: boolean;
}

/** A process that joined, registered one instance and watches. */
class Peer {
  readonly facts: Fact[] = [];
  readonly errors: string[] = [];
  readonly #child: ChildProcess;
  readonly #exited: Promise<unknown>;

  constructor(
    port: number,
    dataFile: string,
    readonly instancePort: number,
    startAtMs = 0,
  ) {
    const program = [join(support, "peer.mjs"), port, dataFile, instancePort, startAtMs].map(String);
    const flags = ["--conditions=@dubbo-ts/source", "--import", join(support, "run-sources.mjs")];
    const child = spawn(process.execPath, [...flags, ...program], { stdio: ["ignore", "pipe", "pipe"] });
    this.#child = child;
    this.#exited = once(child, "exit");
    createInterface(child.stdout).on("line", (line) => this.facts.push(JSON.parse(line) as Fact));
    createInterface(child.stderr).on("line", (line) => this.errors.push(line));
  }

  get serving(): boolean {
    return this.facts.findLast(({ serving }) => serving !== undefined)?.serving ?? false;
  }

  get lists(): readonly Fact[] {
    return this.facts.filter(({ ports }) => ports !== undefined);
  }

  sees(ports: readonly number[]): boolean {
    return this.lists.at(-1)?.ports?.join() === ports.join();
  }

  async stop(signal: NodeJS.Signals = "SIGKILL"): Promise<void> {
    this.#child.kill(signal);
    await this.#exited;
  }
}

describe("the registry of this machine", () => {
  let folder: string;
  let dataFile: string;
  const opened: LocalRegistry[] = [];
  const peers: Peer[] = [];

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "dubbo-ts-local-"));
    dataFile = join(folder, "registry.json");
  });
  afterEach(async () => {
    for (const one of opened.splice(0)) await one[Symbol.asyncDispose]();
    await Promise.all(peers.splice(0).map((peer) => peer.stop()));
    await rm(folder, { recursive: true });
  });

  async function joinAt(port: number, options: LocalOptions = {}, runtime = systemRuntime) {
    const joined = await joinLocalRegistry({ port, dataFile, applicationsPollMs: 100, ...options }, runtime);
    opened.push(joined);
    return joined;
  }

  test("outlives the process that serves it, killed or stopped, and nobody sees an empty list", async () => {
    const port = await freePort([1_000]);
    const all = Array.from({ length: 8 }, (_, index) => index + 1);
    for (const one of all) peers.push(new Peer(port, dataFile, one));
    const everybodySees = (ports: readonly number[], among: readonly Peer[]) =>
      waitFor(() => among.every((peer) => peer.sees(ports)), {
        timeoutMs: 20_000,
        what: () => JSON.stringify(among.map(({ errors, lists }) => [errors, lists.at(-1)])),
      });
    await everybodySees(all, peers);
    let alive = [...peers];
    for (const signal of ["SIGKILL", "SIGTERM"] as const) {
      const leader = alive.filter(({ serving }) => serving);
      expect(leader).toHaveLength(1);
      alive = alive.filter((peer) => !leader.includes(peer));
      const seenBefore = alive.map(({ lists }) => lists.length);
      const killedAtMs = Date.now();
      await leader[0]?.stop(signal);
      await everybodySees(
        alive.map(({ instancePort }) => instancePort),
        alive,
      );
      // Who leaves in order is gone from the lists before it gives the port up.
      const next = await waitFor(() => {
        const serving = alive.filter((peer) => peer.serving);
        return serving.length === 1 && serving;
      });
      const served = next[0]?.facts.find(({ serving, atMs }) => serving === true && atMs >= killedAtMs);
      expect((served?.atMs ?? Infinity) - killedAtMs).toBeLessThan(1_000);
      const since = alive.flatMap(({ lists }, index) => lists.slice(seenBefore[index]));
      expect(since.filter(({ ports = [] }) => ports.length < alive.length)).toEqual([]);
    }
    const [keeper] = alive;
    for (const peer of alive) if (peer !== keeper) await peer.stop("SIGTERM");
    await everybodySees([keeper?.instancePort ?? 0], alive.slice(0, 1));
  }, 60_000);

  test("is served by one of two that start in the same millisecond, and both are registered", async () => {
    const port = await freePort([1_000]);
    const startAtMs = Date.now() + 2_000;
    peers.push(new Peer(port, dataFile, 1, startAtMs), new Peer(port, dataFile, 2, startAtMs));
    await waitFor(() => peers.every((peer) => peer.sees([1, 2])), { timeoutMs: 20_000 });
    expect(peers.filter(({ serving }) => serving)).toHaveLength(1);
  }, 30_000);

  test("is joined by several of one process, says so once each, and leaves nothing behind", async () => {
    const checkLeaks = noLeaks();
    const port = await freePort([1_000]);
    const log = recordingLogger();
    const first = await joinAt(port, {}, { ...systemRuntime, log });
    const second = await joinAt(port, { host: "localhost" });
    expect([first.serving, second.serving]).toEqual([true, false]);
    expect(log.entries.filter(({ message }) => message.includes("development registry"))).toHaveLength(1);
    expect(first.registry.name).toBe(`local://127.0.0.1:${port}`);
    const registration = await first.registry.register(sampleInstance({ application: "a" }), forever);
    const seen = follow(second.registry.watch("a", forever));
    await waitFor(() => seen.latest?.instances.length === 1);
    const names = follow(second.registry.watchApplications(forever));
    await waitFor(() => names.latest?.includes("a"));
    await first[Symbol.asyncDispose]();
    await registration[Symbol.asyncDispose]();
    expect(first.serving).toBe(false);
    await waitFor(() => second.serving);
    await waitFor(() => seen.latest?.instances.length === 0);
    await Promise.all([second[Symbol.asyncDispose](), second[Symbol.asyncDispose]()]);
    await Promise.all([seen.done, names.done]);
    await checkLeaks();
  });

  test("keeps metadata and mappings when all processes stopped", async () => {
    const port = await freePort([1_000]);
    const metadata = sampleMetadata("app");
    const first = await joinAt(port);
    await first.metadataReport.publish(metadata, forever);
    const record = { applications: new Set(["app"]), version: undefined };
    await first.metadataReport.writeMapping("org.example.Kept", record, forever);
    await first[Symbol.asyncDispose]();
    const second = await joinAt(port);
    expect(await second.metadataReport.fetch("app", metadata.revision, forever)).toEqual(metadata);
    const { applications } = await second.metadataReport.readMapping("org.example.Kept", forever);
    expect([...applications]).toEqual(["app"]);
  });

  test("waits, as a pure client, for somebody who serves", async () => {
    const port = await freePort([1_000]);
    const client = await joinAt(port, { serve: false, joinTimeoutMs: 50 });
    const registering = client.registry.register(sampleInstance({ application: "early" }), forever);
    const server = await joinAt(port);
    await registering;
    expect([client.serving, server.serving]).toEqual([false, true]);
    expect(await server.registry.get("early", forever)).toHaveLength(1);
  });

  test("joining waits as long as it is told to, longer than a request would", async () => {
    const port = await freePort([1_000]);
    const settings = { serve: false, joinTimeoutMs: 20_000, client: { waitForServerMs: 100 } };
    const joining = joinAt(port, settings);
    await new Promise((resolve) => setTimeout(resolve, 500));
    await joinAt(port);
    expect((await joining).naming.state.status).toBe("connected");
  });

  test.each([
    ["answers something else", (socket: Socket) => socket.end("HTTP/1.1 400 Bad Request\r\n\r\n")],
    ["says nothing", () => {}],
  ])("is not joined where a program %s", async (_, behave) => {
    const sockets = new Set<Socket>();
    const stranger = createServer((socket) => {
      sockets.add(socket.on("error", () => {}));
      behave(socket);
    });
    stranger.listen(0, "127.0.0.1");
    await once(stranger, "listening");
    const port = (stranger.address() as AddressInfo).port - 1000;
    await expect(joinAt(port, { joinTimeoutMs: 500 })).rejects.toMatchObject({
      code: "REGISTRY_WRONG_SERVER",
      message: expect.stringMatching(`port ${port + 1000} .* another base port`) as string,
    });
    for (const socket of sockets) socket.destroy();
    stranger.close();
    await once(stranger, "close");
  });

  test("refuses addresses that are not this machine's", async () => {
    for (const host of ["0.0.0.0", "10.0.0.1", "example.org"])
      await expect(joinLocalRegistry({ host, dataFile })).rejects.toMatchObject({ code: "ADDRESS_INVALID" });
    for (const port of [0, -1, 65_000, 1.5])
      await expect(joinLocalRegistry({ port, dataFile })).rejects.toMatchObject({ code: "ADDRESS_INVALID" });
  });
});
