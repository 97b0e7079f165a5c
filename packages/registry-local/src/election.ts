import { hasCode, type Runtime, sleep } from "@dubbo-ts/core";
import type { NacosNaming, NacosState } from "@dubbo-ts/nacos-client";
import type { NacosServer } from "./server/nacos-server.js";

/** How long a process that lost waits at most before it tries the port again, ms; doubles up to the cap. */
const pauses = { baseMs: 20, capMs: 500 } as const;

/**
 * Decides by the port who serves: whoever can listen on it does. Everybody else is a client, and tries again as soon
 * as its connection dies (registries E2).
 */
export class Election implements AsyncDisposable {
  readonly #stop = new AbortController();
  readonly #start: (tookOver: boolean | undefined) => Promise<NacosServer>;
  readonly #runtime: Runtime;
  #server: NacosServer | undefined;
  #following: Promise<void> | undefined;
  #closing: Promise<void> | undefined;

  /** @param start rejects with PORT_IN_USE where somebody else serves. */
  constructor(start: (tookOver: boolean | undefined) => Promise<NacosServer>, runtime: Runtime) {
    this.#start = start;
    this.#runtime = runtime;
  }

  /** True while this process is the one that serves. */
  get serving(): boolean {
    return this.#server !== undefined && this.#closing === undefined;
  }

  /** Tries the port once. False: somebody else has it. Other failures than that are thrown. */
  async attempt(tookOver: boolean | undefined): Promise<boolean> {
    try {
      this.#server = await this.#start(tookOver);
    } catch (error) {
      if (hasCode(error, "PORT_IN_USE")) return false;
      throw error;
    }
    if (this.#stop.signal.aborted) await this.#server[Symbol.asyncDispose]();
    return true;
  }

  /** From now on, tries the port whenever `naming` has lost its server, until this process serves. */
  follow(naming: NacosNaming): void {
    this.#following ??= this.#follow(naming);
  }

  /** Stops serving and trying. */
  [Symbol.asyncDispose](): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    this.#stop.abort(new Error("the local registry was left"));
    await this.#following;
    await this.#server?.[Symbol.asyncDispose]();
  }

  async #follow(naming: NacosNaming): Promise<void> {
    const { log } = this.#runtime;
    let wasConnected = false;
    for await (const state of naming.states(this.#stop.signal)) {
      wasConnected ||= state.status === "connected";
      if (state.lastError?.code === "NOT_NACOS")
        log.error({ err: state.lastError }, "another program has taken the local registry's port");
      if (state.status !== "connecting" || this.#server !== undefined) continue;
      await this.#contest(naming, wasConnected);
      if (this.#server !== undefined) return;
    }
  }

  /** Until this process serves, or is connected to the one that does. */
  async #contest(naming: NacosNaming, wasConnected: boolean): Promise<void> {
    const { clock, random, log } = this.#runtime;
    const isOver = (status: NacosState["status"]) => status !== "connecting" || this.#stop.signal.aborted;
    for (let lost = 0; !isOver(naming.state.status); lost += 1) {
      try {
        if (await this.attempt(wasConnected || undefined)) {
          log.info({ port: this.#server?.port }, "this process serves the local registry now");
          return;
        }
      } catch (error) {
        log.warn({ err: error }, "the local registry's port cannot be opened");
      }
      const pauseMs = (0.5 + random() / 2) * Math.min(pauses.capMs, pauses.baseMs * 2 ** Math.min(lost, 10));
      await sleep(clock, pauseMs, this.#stop.signal, { background: true }).catch(() => {});
    }
  }
}
