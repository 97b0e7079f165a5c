import { backoffMs, sleep } from "@dubbo-ts/core";
import { RedisFault } from "./fault.js";
import type { Link } from "./link.js";
import type { RedisClient } from "./redis-client.js";

/** Who hears a channel. */
export interface ChannelListener {
  onMessage(message: string): void;
  /** Messages may have been missed: what they are about has to be read again. */
  onGap(): void;
  /** Nothing will be heard while this lasts, and it does not pass by itself. */
  onFailure(fault: RedisFault): void;
}

/**
 * Channels that are heard on one link for all. Redis forgets whom it could not reach, so after every subscription, and
 * now and then in any case, listeners are told that there was a gap.
 */
export class Listening implements AsyncDisposable {
  readonly #listeners = new Map<string, Set<ChannelListener>>();
  #link: Link | undefined;
  #idle = new AbortController();
  #loop: Promise<void> | undefined;

  constructor(private readonly client: RedisClient) {}

  /** Begins with a gap, as soon as the channel is heard. The result ends it. */
  follow(channel: string, listener: ChannelListener): () => void {
    const listeners = this.#listeners.get(channel);
    this.#listeners.set(channel, (listeners ?? new Set()).add(listener));
    if (this.#loop === undefined) this.#start();
    // A channel more needs a subscription more: the link begins anew with all of them.
    else if (listeners === undefined) this.#link?.close();
    else if (this.#link !== undefined) listener.onGap();
    return () => this.#leave(channel, listener);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listeners.clear();
    this.#idle.abort();
    await this.#loop;
  }

  #leave(channel: string, listener: ChannelListener): void {
    const listeners = this.#listeners.get(channel);
    listeners?.delete(listener);
    if (listeners?.size === 0) this.#listeners.delete(channel);
    if (this.#listeners.size === 0) this.#idle.abort();
  }

  #start(): void {
    this.#idle = new AbortController();
    const signal = AbortSignal.any([this.#idle.signal, this.client.closing]);
    this.#loop = this.#run(signal).finally(() => {
      this.#loop = undefined;
      if (this.#listeners.size > 0 && !this.client.closing.aborted) this.#start();
    });
  }

  async #run(signal: AbortSignal): Promise<void> {
    const { clock, random, log } = this.client.runtime;
    for (let failures = 0; !signal.aborted; ) {
      const heard = await this.#hear(signal);
      if (signal.aborted) return;
      failures = heard.wasHeard ? 0 : failures + 1;
      if (failures === 1)
        log.warn({ err: heard.fault }, `${this.client.settings.name}: changes are not heard`);
      const isFinal = heard.fault instanceof RedisFault && !heard.fault.isTransient;
      if (isFinal) for (const listener of this.#all()) listener.onFailure(heard.fault as RedisFault);
      const pauseMs = backoffMs(failures, random) + (isFinal ? 1_000 : 0);
      await sleep(clock, pauseMs, signal, { background: true }).catch(() => {});
    }
  }

  /** Hears all channels until the link ends, and tells why it did. */
  async #hear(signal: AbortSignal): Promise<{ readonly wasHeard: boolean; readonly fault: unknown }> {
    let link: Link | undefined;
    let wasHeard = false;
    try {
      link = await this.client.openListener(signal);
      link.onMessage((channel, message) => {
        for (const listener of this.#listeners.get(channel) ?? []) listener.onMessage(message);
      });
      await this.#subscribe(link, signal);
      wasHeard = true;
      await this.#whileOpen(link, signal);
      return { wasHeard, fault: link.closed.reason };
    } catch (fault) {
      return { wasHeard, fault };
    } finally {
      this.#link = undefined;
      link?.close();
    }
  }

  /** Until there is no channel more than when it began. */
  async #subscribe(link: Link, signal: AbortSignal): Promise<void> {
    const ended = AbortSignal.any([signal, link.closed]);
    const heard = new Set<string>();
    for (;;) {
      const missing = [...this.#listeners.keys()].filter((channel) => !heard.has(channel));
      if (missing.length === 0) return;
      await link.subscribe(missing, ended);
      for (const channel of missing) heard.add(channel);
    }
  }

  async #whileOpen(link: Link, signal: AbortSignal): Promise<void> {
    const { clock, random } = this.client.runtime;
    const { resyncMs } = this.client.settings;
    const ended = AbortSignal.any([signal, link.closed]);
    this.#link = link;
    while (!ended.aborted) {
      for (const listener of this.#all()) listener.onGap();
      await sleep(clock, resyncMs * (1 + random() / 2), ended, { background: true }).catch(() => {});
    }
  }

  #all(): readonly ChannelListener[] {
    return [...this.#listeners.values()].flatMap((listeners) => [...listeners]);
  }
}
