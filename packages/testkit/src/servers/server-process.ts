import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { cp, mkdir, mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { waitFor } from "../wait-for.js";
import { onPath } from "./programs.js";

/** A server as a process of its own, its data in a folder. Disposing it ends the process and removes the folder. */
export interface TestServer extends AsyncDisposable {
  readonly host: string;
  /** For clients. */
  readonly port: number;
  /** `127.0.0.1:port`. */
  readonly address: string;
  /** Undefined while it is not running. */
  readonly pid: number | undefined;
  /** Sends a signal; with one that ends the process it resolves when it has ended. */
  kill(signal: "SIGKILL" | "SIGTERM" | "SIGSTOP" | "SIGCONT"): Promise<void>;
  /** Starts it again on the same ports and data; resolves when it answers. Does nothing while it runs. */
  restart(): Promise<void>;
  /** Removes all data. Only while it is not running. */
  wipe(): Promise<void>;
}

/** What is spawned. */
export interface ServerCommand {
  readonly program: string;
  readonly arguments: readonly string[];
}

/** How a {@link ServerProcess} is kept. */
export interface ServerProcessOptions {
  /** For messages: `etcd`. */
  readonly name: string;
  readonly port: number;
  /** Left there at the end. Default: a temporary folder, removed at the end. */
  readonly folder?: string | undefined;
  /** How long a start may take. Default 30,000 ms. */
  readonly readyWithinMs?: number;
}

/**
 * The frame of all servers that tests start: spawned in a folder with `data` in it, its output kept for the message
 * of a failed start, killed with this process where the system can do that. What runs, and when it is ready, is for the subclass to say.
 */
export abstract class ServerProcess implements TestServer {
  readonly host = "127.0.0.1";
  readonly port: number;
  #folder: string | undefined;
  #child: ChildProcess | undefined;
  #output = "";
  #starting: Promise<void> | undefined;

  constructor(private readonly settings: ServerProcessOptions) {
    this.port = settings.port;
    this.#folder = settings.folder;
  }

  /** What to spawn now; may write files into `folder` first. */
  protected abstract command(folder: string): Promise<ServerCommand> | ServerCommand;

  /** Whether the server answers its clients. An exception counts as no. */
  protected abstract isReady(): Promise<boolean>;

  get address(): string {
    return `${this.host}:${this.port}`;
  }

  get pid(): number | undefined {
    return this.#child?.pid;
  }

  /** Those who ask while it starts wait with the first. */
  restart(): Promise<void> {
    this.#starting ??= this.start().finally(() => {
      this.#starting = undefined;
    });
    return this.#starting;
  }

  /** {@link restart}, once at a time. */
  protected async start(): Promise<void> {
    if (this.#child !== undefined) return;
    const folder = await this.folder();
    await mkdir(join(folder, "data"), { recursive: true });
    const command = await this.command(folder);
    const child = this.#spawn(command, folder);
    const { name, readyWithinMs = 30_000 } = this.settings;
    await waitFor(() => this.#answers(child), {
      timeoutMs: readyWithinMs,
      intervalMs: 20,
      what: () => `${name} on ${this.address}; it printed:\n${this.#output}`,
    });
    if (this.#child !== child) throw new Error(`${name} ended at its start; it printed:\n${this.#output}`);
  }

  async kill(signal: "SIGKILL" | "SIGTERM" | "SIGSTOP" | "SIGCONT"): Promise<void> {
    const child = this.#child;
    if (child === undefined) return;
    const ends = signal === "SIGKILL" || signal === "SIGTERM";
    if (ends) child.ref();
    const ended = ends ? once(child, "exit") : undefined;
    child.kill(signal);
    await ended;
    if (signal === "SIGSTOP") await waitFor(() => isStopped(child.pid), { timeoutMs: 5_000 });
  }

  async wipe(): Promise<void> {
    this.#assertStopped();
    if (this.#folder !== undefined) await rm(join(this.#folder, "data"), { recursive: true, force: true });
  }

  /** Copies all data; what it gives back puts that copy in the place of the data. */
  async backup(): Promise<() => Promise<void>> {
    this.#assertStopped();
    const folder = await this.folder();
    const copy = await mkdtemp(join(folder, "backup-"));
    await cp(join(folder, "data"), copy, { recursive: true });
    return async () => {
      await this.wipe();
      await cp(copy, join(folder, "data"), { recursive: true });
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill("SIGKILL");
    const folder = this.#folder;
    if (folder === undefined || folder === this.settings.folder) return;
    await rm(folder, { recursive: true, force: true, maxRetries: 5 });
  }

  /** The server's own, made when it is first needed; its data are in `data`. */
  protected async folder(): Promise<string> {
    this.#folder ??= await mkdtemp(
      join(tmpdir(), `${this.settings.name.toLowerCase().replaceAll(" ", "-")}-`),
    );
    return this.#folder;
  }

  #spawn(command: ServerCommand, cwd: string): ChildProcess {
    const { program, arguments: args } = dyingWithUs(command);
    const child = spawn(program, args, { stdio: ["ignore", "pipe", "pipe"], cwd });
    this.#child = child;
    this.#output = "";
    const keep = (chunk: Buffer) => (this.#output = (this.#output + String(chunk)).slice(-20_000));
    for (const stream of [child.stdout, child.stderr]) stream.on("data", keep);
    // A server that a test has forgotten is no reason to wait for it.
    for (const handle of [child, child.stdout, child.stderr]) (handle as Unreferable).unref?.();
    const killWithUs = () => child.kill("SIGKILL");
    process.once("exit", killWithUs);
    child.once("exit", () => {
      process.removeListener("exit", killWithUs);
      if (this.#child === child) this.#child = undefined;
    });
    return child;
  }

  /** Also true when the child has ended: there is nothing to wait for any more. */
  async #answers(child: ChildProcess): Promise<boolean> {
    return this.#child !== child || (await this.isReady());
  }

  #assertStopped(): void {
    if (this.#child !== undefined) throw new Error("the server is running");
  }
}

/** A signal is on its way for a moment, in which some threads still answer. Where there is no `/proc` it is believed. */
async function isStopped(pid: number | undefined): Promise<boolean> {
  const threads = await readdir(`/proc/${pid}/task`).catch(() => []);
  const states = threads.map(async (thread) => {
    const text = await readFile(`/proc/${pid}/task/${thread}/stat`, "utf8").catch(() => ") T");
    return text.slice(text.lastIndexOf(")") + 2, text.lastIndexOf(")") + 3);
  });
  return (await Promise.all(states)).every((state) => state === "T");
}

/** Sockets of pipes have it, though their type does not say so. */
interface Unreferable {
  unref?(): void;
}

/**
 * The same command, killed by the kernel when this process ends, however that ends: inside jest the event `exit` never
 * comes. Where there is no setpriv (it is Linux') the command itself.
 */
function dyingWithUs(command: ServerCommand): ServerCommand {
  const setpriv = onPath("setpriv");
  if (setpriv === undefined) return command;
  const args = ["--pdeathsig", "KILL", "--", command.program, ...command.arguments];
  return { program: setpriv, arguments: args };
}

/** Starts a server; one that does not start is stopped and removed. */
export async function started<S extends TestServer>(server: S): Promise<S> {
  try {
    await server.restart();
    return server;
  } catch (error) {
    await server[Symbol.asyncDispose]();
    throw error;
  }
}
