import { abortable, backoffMs, deadline, OncePerKey, type Runtime, sleep } from "@dubbo-ts/core";
import { RedisFault } from "./fault.js";
import type { Link } from "./link.js";

/** How long what cannot pass by itself, a wrong password, is answered without asking the server again. */
const finalForMs = 1_000;

/** What a {@link KeptLink} needs. */
export interface KeptLinkOptions {
  readonly open: (signal: AbortSignal) => Promise<Link>;
  /** How long opening may take. */
  readonly openTimeoutMs: number;
  readonly runtime: Runtime;
  /** Told when a link that was open ends. */
  readonly onLost: () => void;
}

/** The link to one place: opened when it is asked for, and anew when it has ended. Attempts are spread (registries F4). */
export class KeptLink {
  readonly #opening = new OncePerKey<"link", Link>();
  readonly #closing = new AbortController();
  #link: Link | undefined;
  #failures = 0;
  #failure: { readonly error: unknown; readonly atMs: number } | undefined;

  constructor(private readonly options: KeptLinkOptions) {}

  /** Why there is no link now; undefined while there is one, or none was tried yet. */
  get failure(): RedisFault | undefined {
    const error = this.#failure?.error;
    return error instanceof RedisFault ? error : undefined;
  }

  /** @throws {RedisFault} it could not be opened, or the reason of `signal`: opening then goes on for others. */
  async get(signal: AbortSignal): Promise<Link> {
    if (this.#link !== undefined && !this.#link.closed.aborted) return this.#link;
    return abortable(
      this.#opening.run("link", () => this.#open()),
      signal,
    );
  }

  /** Closes the link and waits for an attempt that is under way. */
  async close(): Promise<void> {
    this.#closing.abort(new RedisFault("lost", "the connection is closed"));
    this.#link?.close();
    await this.#opening.run("link", () => Promise.reject(this.#closing.signal.reason)).catch(() => {});
    this.#link?.close();
  }

  async #open(): Promise<Link> {
    const { clock, random } = this.options.runtime;
    const closing = this.#closing.signal;
    closing.throwIfAborted();
    if (this.#failure !== undefined) {
      const { error, atMs } = this.#failure;
      const isFinal = error instanceof RedisFault && !error.isTransient;
      if (isFinal && clock.monotonicMs() - atMs < finalForMs) throw error;
      if (!isFinal)
        await sleep(clock, backoffMs(this.#failures - 1, random, { capMs: 2_000 }), closing, {
          background: true,
        });
    }
    const { openTimeoutMs } = this.options;
    const late = () => new RedisFault("lost", `no connection within ${openTimeoutMs} ms`);
    using limit = deadline(clock, openTimeoutMs, late, closing);
    try {
      const link = await this.options.open(limit.signal);
      this.#keep(link);
      return link;
    } catch (error) {
      this.#failures += 1;
      this.#failure = { error, atMs: clock.monotonicMs() };
      throw error;
    }
  }

  #keep(link: Link): void {
    const { clock } = this.options.runtime;
    const openedMs = clock.monotonicMs();
    this.#link = link;
    this.#failure = undefined;
    if (this.#closing.signal.aborted) link.close();
    link.closed.addEventListener("abort", () => {
      // A server that takes connections and drops them at once is not to be asked ever more often.
      const lived = clock.monotonicMs() - openedMs >= 10_000;
      this.#failures = lived ? 1 : this.#failures + 1;
      this.#failure = { error: link.closed.reason, atMs: clock.monotonicMs() };
      if (!this.#closing.signal.aborted) this.options.onLost();
    });
  }
}
