import { setMaxListeners } from "node:events";
import { abortable, backoffMs, deadline, type Runtime, sleep } from "@dubbo-ts/core";
import { RedisFault } from "./fault.js";
import { KeptLink } from "./kept-link.js";
import type { Command, Link, Reply } from "./link.js";
import { openLink } from "./open-link.js";
import { nodeText, type RedisNode } from "./redis-address.js";
import type { RedisSettings } from "./redis-settings.js";

/** How many members may send a command on to another. */
const maxHops = 5;

/** Places of keys that are remembered; beyond it they are asked for again. */
const maxOwners = 10_000;

/** Where a command goes: to a member of a cluster, or to the server, or to whoever is the master. */
interface Place {
  readonly node: RedisNode | undefined;
  /** True: the member takes it only because it is told to, while a slot moves. */
  readonly asking: boolean;
}

/**
 * Commands to a Redis, whoever the server is at the moment. What fails because a connection or a server is lost is sent
 * again, elsewhere if need be, until the time for a call is over: every command here may be repeated.
 */
export class RedisClient implements AsyncDisposable {
  readonly #links = new Map<string, KeptLink>();
  readonly #owners = new Map<string, RedisNode>();
  readonly #members = new Map<string, RedisNode>();
  readonly #onLost = new Set<() => void>();
  readonly #closing = new AbortController();
  #turn = 0;
  #exclusive: Promise<unknown> = Promise.resolve();
  #closed: Promise<void> | undefined;

  constructor(
    readonly settings: RedisSettings,
    readonly runtime: Runtime,
  ) {
    setMaxListeners(0, this.#closing.signal);
    for (const node of settings.nodes) this.#members.set(nodeText(node), node);
  }

  /** Aborts when the client is disposed. */
  get closing(): AbortSignal {
    return this.#closing.signal;
  }

  /** Why a server cannot be used at this moment; undefined: none is known to be ill. */
  get failure(): RedisFault | undefined {
    return [...this.#links.values()].map(({ failure }) => failure).find((one) => one !== undefined);
  }

  /** Sends a command to the server that has `key`. @throws {RedisFault}, or the reason of `signal`. */
  call(key: string, command: Command, signal: AbortSignal): Promise<Reply> {
    return this.#routed("call", key, signal, (link, limit) => link.call(command, limit));
  }

  /**
   * Runs `work` on a link that nobody else uses meanwhile, to the server that has `key`: WATCH belongs to a
   * connection. Where a link is lost, `work` runs again.
   * @throws {RedisFault}, or the reason of `signal`.
   */
  async exclusive<T>(
    key: string,
    signal: AbortSignal,
    work: (link: Link, signal: AbortSignal) => Promise<T>,
  ): Promise<T> {
    const before = this.#exclusive;
    const mine = (async () => {
      await abortable(before, signal);
      return this.#routed("transaction", key, signal, (link, limit) => clean(link, work(link, limit)));
    })();
    this.#exclusive = Promise.allSettled([before, mine]);
    return mine;
  }

  /** A new link for hearing channels; any member of a cluster will do. It is the caller's to close. */
  async openListener(signal: AbortSignal): Promise<Link> {
    const { callTimeoutMs } = this.settings;
    const late = () => new RedisFault("lost", `no connection within ${callTimeoutMs} ms`);
    using limit = deadline(this.runtime.clock, callTimeoutMs, late, signal);
    return this.#open(this.#placeOf("", undefined).node, limit.signal);
  }

  /** Calls `listener` whenever a connection was lost: what is on the server may not be what was there. The result ends that. */
  onLost(listener: () => void): () => void {
    this.#onLost.add(listener);
    return () => void this.#onLost.delete(listener);
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    this.#closing.abort(new RedisFault("lost", "the connection is closed"));
    await Promise.all([...this.#links.values()].map((link) => link.close()));
  }

  async #routed<T>(
    purpose: "call" | "transaction",
    key: string,
    signal: AbortSignal,
    work: (link: Link, signal: AbortSignal) => Promise<T>,
  ): Promise<T> {
    const { clock, random } = this.runtime;
    const { callTimeoutMs } = this.settings;
    let last: RedisFault | undefined;
    const late = () =>
      new RedisFault(
        last?.kind ?? "lost",
        `not done within ${callTimeoutMs} ms${last ? `: ${last.message}` : ""}`,
      );
    using limit = deadline(clock, callTimeoutMs, late, signal);
    this.closing.throwIfAborted();
    for (let failures = 0, hops = 0; ; ) {
      const place = this.#placeOf(key, last);
      try {
        const link = await this.#kept(purpose, place.node).get(limit.signal);
        if (place.asking) void link.call(["asking"], limit.signal).catch(() => {});
        return await work(link, limit.signal);
      } catch (error) {
        limit.signal.throwIfAborted();
        this.closing.throwIfAborted();
        if (!(error instanceof RedisFault)) throw error;
        last = error;
        if ((error.kind === "moved" || error.kind === "ask") && ++hops <= maxHops) {
          this.#learn(key, place, error);
          continue;
        }
        if (!error.isTransient && error.kind !== "moved" && error.kind !== "ask") throw error;
        this.#owners.delete(key);
        this.#turn += 1;
      }
      await sleep(clock, backoffMs(failures++, random), limit.signal, { background: true });
    }
  }

  /** In a cluster the member that has the key as far as is known, else each in turn. */
  #placeOf(key: string, last: RedisFault | undefined): Place {
    if (this.settings.mode !== "cluster") return { node: undefined, asking: false };
    if (last?.kind === "ask" && last.target !== undefined) return { node: last.target, asking: true };
    const members = [...this.#members.values()];
    return { node: this.#owners.get(key) ?? members[this.#turn % members.length], asking: false };
  }

  #learn(key: string, place: Place, { kind, target }: RedisFault): void {
    if (target === undefined || kind !== "moved") return;
    if (this.#owners.size >= maxOwners) this.#owners.clear();
    this.#owners.set(key, { host: target.host || (place.node?.host ?? ""), port: target.port });
  }

  #kept(purpose: string, node: RedisNode | undefined): KeptLink {
    const name = `${purpose} ${node === undefined ? "" : nodeText(node)}`;
    let kept = this.#links.get(name);
    if (kept === undefined)
      this.#links.set(
        name,
        (kept = new KeptLink({
          open: (signal) => this.#open(node, signal),
          // Sooner than the call that waits for it, which then can tell why.
          openTimeoutMs: this.settings.callTimeoutMs * 0.8,
          runtime: this.runtime,
          onLost: () => {
            for (const listener of this.#onLost) listener();
          },
        })),
      );
    return kept;
  }

  async #open(node: RedisNode | undefined, signal: AbortSignal): Promise<Link> {
    const { link, members } = await openLink(this.settings, this.runtime, node, signal);
    for (const member of members) this.#members.set(nodeText(member), member);
    return link;
  }
}

/** After a failure half-way nobody knows what the link is in the middle of: it is closed, which is nobody's loss. */
async function clean<T>(link: Link, work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    link.close();
    throw error;
  }
}
