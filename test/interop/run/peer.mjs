import { spawn } from "node:child_process";
import { once } from "node:events";
import { createWriteStream, mkdirSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { freePort } from "@dubbo-ts/testkit";
import { languages } from "./build.mjs";

let count = 0;

/**
 * Starts a peer, a provider on a free port; once more if it did not get ready: on a busy machine it may take too long, or
 * find its port taken meanwhile. Calls that fail are never tried again.
 * @param run `{ folder, signal }`: where its own folder and its log go; it is killed when `signal` aborts
 */
export async function startedPeer(language, settings, run) {
  const isProvider = settings.role === "provider";
  const start = async () =>
    Peer.start(language, isProvider ? { port: await freePort(), ...settings } : settings, run);
  return start().catch((error) => {
    run.signal.throwIfAborted();
    console.log(`    a second try: ${error.message}`);
    return start();
  });
}

/** A running program of the contract (../README.md). */
export class Peer {
  #child;
  #ended;
  #waiting = new Map();
  #nextId = 1;

  /** Starts one and waits until it is ready. */
  static async start(language, settings, { folder, signal }, readyWithinMs = 60_000) {
    signal.throwIfAborted();
    count += 1;
    const name = `${String(count).padStart(3, "0")}-${settings.application}`;
    const directory = join(folder, name);
    mkdirSync(directory, { recursive: true });
    const peer = new Peer(language, { ...settings, directory }, `${directory}.log`, signal);
    try {
      await peer.#ready(readyWithinMs);
      return peer;
    } catch (error) {
      await peer.kill();
      throw error;
    }
  }

  constructor(language, settings, log, signal) {
    this.language = language;
    this.settings = settings;
    this.log = log;
    const [program, ...args] = languages[language].command;
    this.#child = spawn(program, [...args, JSON.stringify(settings)], {
      cwd: settings.directory,
      stdio: ["pipe", "pipe", "pipe"],
    });
    this.#child.stderr.pipe(createWriteStream(log));
    this.#child.stdin.on("error", () => {});
    const killed = () => void this.#child.kill("SIGKILL");
    process.on("exit", killed); // whatever ends the run ends its peers
    signal.addEventListener("abort", killed);
    this.#ended = once(this.#child, "exit")
      .finally(() => {
        process.removeListener("exit", killed);
        signal.removeEventListener("abort", killed);
      })
      .then(([code, by]) => {
        this.#failAll(new Error(`the peer ended (${by ?? code}); its log is ${log}`));
        return code;
      });
    this.#ended.catch((error) => this.#failAll(error));
    createInterface({ input: this.#child.stdout }).on("line", (line) => this.#read(line));
  }

  async #ready(withinMs) {
    const ready = await Promise.race([
      new Promise((resolve, reject) => this.#waiting.set("event", { resolve, reject })),
      sleep(withinMs, undefined, { ref: false }).then(() => ({
        event: "failed",
        detail: "not ready in time",
      })),
    ]);
    this.#waiting.delete("event");
    if (ready.event !== "ready") throw new Error(`${this.language} ${this.settings.role}: ${ready.detail}`);
  }

  #read(line) {
    let message;
    try {
      message = JSON.parse(line);
    } catch {
      return; // a library that prints
    }
    const key = message.id ?? "event";
    this.#waiting.get(key)?.resolve(message);
    this.#waiting.delete(key);
  }

  #failAll(error) {
    for (const { reject } of this.#waiting.values()) reject(error);
    this.#waiting.clear();
  }

  /** Gives the answer, `ok` or not; one that does not come in time is not, and `isLate`. */
  async ask(command, withinMs = 45_000) {
    const id = this.#nextId++;
    const answer = new Promise((resolve, reject) => this.#waiting.set(id, { resolve, reject }));
    if (this.#child.exitCode !== null || this.#child.signalCode !== null)
      this.#failAll(new Error(`the peer has ended; its log is ${this.log}`));
    this.#child.stdin.write(`${JSON.stringify({ id, ...command })}\n`);
    const late = { ok: false, isLate: true, detail: `no answer in ${withinMs} ms` };
    const timer = new AbortController();
    try {
      const none = sleep(withinMs, late, { signal: timer.signal }).catch(() => late);
      return await Promise.race([answer, none]);
    } catch (error) {
      return { ok: false, detail: error.message };
    } finally {
      timer.abort();
      this.#waiting.delete(id);
    }
  }

  /** As `ask`; throws what is not `ok`. */
  async tell(command, withinMs) {
    const answer = await this.ask(command, withinMs);
    if (!answer.ok)
      throw new Error(`${this.language} ${this.settings.role}, ${command.do}: ${answer.detail}`);
    return answer;
  }

  get pid() {
    return this.#child.pid;
  }

  /** Leaves in order; killed if that takes longer than 20 s. */
  async stop() {
    this.#child.kill("SIGTERM");
    const timer = setTimeout(() => this.#child.kill("SIGKILL"), 20_000);
    await this.#ended.catch(() => {});
    clearTimeout(timer);
  }

  /** kill -9 */
  async kill() {
    this.#child.kill("SIGKILL");
    await this.#ended.catch(() => {});
  }
}
