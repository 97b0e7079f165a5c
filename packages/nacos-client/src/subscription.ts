import type { Body } from "./body.js";
import type { Connection } from "./connection.js";
import {
  instanceKey,
  keepUnchanged,
  type NacosInstance,
  queryBody,
  type ServiceInfo,
  type ServiceName,
  serviceInfoOf,
  serviceKey,
} from "./instance.js";
import { Keeper, type NextLook } from "./keeper.js";
import type { Latest } from "./latest.js";
import { resyncPauseMs } from "./looks.js";
import { bodyOfReply } from "./reply.js";
import type { Session } from "./session.js";

/** All instances of a service at one moment. */
export interface ServiceSnapshot {
  /** Whole, in a fixed order; an instance that did not change is the same object as before. Nothing is filtered. */
  readonly hosts: readonly NacosInstance[];
  /**
   * False when it was read so soon after a (re)connect that others may not have come back yet (`graceMs`): a list
   * that is suddenly small is then doubtful. It is followed by one that is settled, also when that is equal. Who was
   * listed on this connection and is not any more has really gone: that alone makes no list doubtful.
   */
  readonly settled: boolean;
  /** The connection that it came from. */
  readonly connectionId: string;
  /** The server's wall clock, ms; comparable within one connection only. */
  readonly lastRefTime: number;
}

/**
 * One subscription per connection and service, whatever the number of readers, with `clusters` empty: a server
 * keys it by the service alone, so that dropping one cluster would drop all (registries G6).
 */
export class Subscription {
  readonly #keeper: Keeper;
  readonly #readers = new Set<Latest<ServiceSnapshot>>();
  #subscribedOn: Session | undefined;
  #snapshot: ServiceSnapshot | undefined;
  #source: Session | undefined;
  #readAgainAtMs = 0;
  /** Who was listed on an earlier connection and was not seen on this one. */
  readonly #unseen = new Set<string>();
  /** Who was seen on this one. */
  readonly #seen = new Set<string>();
  #wasSettled = false;

  constructor(
    private readonly connection: Connection,
    private readonly service: ServiceName,
    private readonly base: Body,
    private readonly onUnused: () => void,
    /** How many services this client subscribes to. */
    private readonly services: () => number,
  ) {
    const what = `subscription of ${serviceKey(service)}`;
    this.#keeper = new Keeper(connection, what, (session) => this.#step(session));
  }

  /** `reader` gets what is known from the present connection, then what changes. */
  add(reader: Latest<ServiceSnapshot>): void {
    this.#readers.add(reader);
    const isFresh = this.#source !== undefined && this.#source === this.connection.current;
    if (isFresh && this.#snapshot !== undefined) reader.set(this.#snapshot);
    this.#keeper.wake();
  }

  /** After the last one the server is told, unless a new one came by then. */
  remove(reader: Latest<ServiceSnapshot>): void {
    this.#readers.delete(reader);
    if (this.#readers.size === 0) this.#keeper.wake();
  }

  /** Ends the readers' loops. */
  end(): void {
    for (const reader of this.#readers) reader.end();
  }

  /** Ends the keeping without a word to the server. */
  async stop(): Promise<void> {
    await this.#keeper.stop();
  }

  /**
   * Takes a list that came by push or as an answer. Older ones are dropped, comparing clocks within one connection
   * only: another server's may be behind (registries G9). Readers hear of it when something changed.
   */
  accept(info: ServiceInfo, session: Session): void {
    if (session !== this.connection.current) return;
    const previous = this.#snapshot;
    const isOlder =
      previous !== undefined && this.#source === session && info.lastRefTime < previous.lastRefTime;
    if (isOlder && info.lastRefTime > 0) return;
    const hosts = keepUnchanged(previous?.hosts ?? [], info.hosts);
    const settled = this.#isSettled(hosts, session);
    const isNews = previous === undefined || hosts !== previous.hosts || (settled && !previous.settled);
    const { connectionId } = session;
    this.#source = session;
    this.#snapshot = {
      hosts,
      connectionId,
      lastRefTime: info.lastRefTime,
      settled: isNews ? settled : previous.settled,
    };
    if (isNews) for (const reader of this.#readers) reader.set(this.#snapshot);
  }

  /** Old enough; or complete, as far as can be known; or the server itself was seen to take someone out. */
  #isSettled(hosts: readonly NacosInstance[], session: Session): boolean {
    if (this.#source !== session) {
      for (const key of keysOf(this.#snapshot)) this.#unseen.add(key);
      this.#seen.clear();
    }
    const listed = new Set(hosts.map(instanceKey));
    for (const key of listed) this.#unseen.delete(key);
    const someoneLeft = [...this.#seen].some((key) => !listed.has(key));
    for (const key of listed) this.#seen.add(key);
    const isOld = session.ageMs >= this.connection.settings.graceMs;
    if (isOld) this.#unseen.clear();
    const settled = isOld || (this.#unseen.size === 0 && (this.#wasSettled || someoneLeft));
    this.#wasSettled ||= settled;
    return settled;
  }

  async #step(session: Session): Promise<NextLook> {
    if (this.#readers.size === 0) return await this.#unsubscribe(session);
    const { clock } = this.connection.settings.environment;
    if (session !== this.#subscribedOn) await this.#subscribe(session);
    else if (clock.monotonicMs() >= this.#readAgainAtMs) await this.#read(session);
    else return this.#readAgainAtMs - clock.monotonicMs();
    const waitMs = this.#untilNextRead(session);
    this.#readAgainAtMs = clock.monotonicMs() + waitMs;
    return waitMs;
  }

  /** Once more when the grace is over, to have a list that can be believed; then a safety net against lost pushes. */
  #untilNextRead(session: Session): number {
    const { environment, graceMs, resyncMs } = this.connection.settings;
    const graceLeftMs = graceMs - session.ageMs;
    if (graceLeftMs > 0) return graceLeftMs;
    const hosts = this.#snapshot?.hosts.length ?? 0;
    return resyncPauseMs(resyncMs, { services: this.services(), hosts }, environment);
  }

  async #subscribe(session: Session): Promise<void> {
    await this.#send(session, "SubscribeServiceRequest", { ...this.base, subscribe: true, clusters: "" });
    this.#subscribedOn = session;
  }

  async #read(session: Session): Promise<void> {
    await this.#send(session, "ServiceQueryRequest", queryBody(this.base));
  }

  async #send(session: Session, type: string, body: Body): Promise<void> {
    const reply = await session.call(type, body, { signal: session.signal });
    this.accept(serviceInfoOf(bodyOfReply(reply, `reading ${serviceKey(this.service)}`)), session);
  }

  async #unsubscribe(session: Session): Promise<NextLook> {
    if (this.#subscribedOn === session) {
      const body = { ...this.base, subscribe: false, clusters: "" };
      bodyOfReply(
        await session.call("SubscribeServiceRequest", body, { signal: session.signal }),
        `unsubscribing ${serviceKey(this.service)}`,
      );
      this.#subscribedOn = undefined;
    }
    if (this.#readers.size > 0) return 0;
    this.onUnused();
    return "done";
  }
}

function keysOf(snapshot: ServiceSnapshot | undefined): readonly string[] {
  return snapshot?.hosts.map(instanceKey) ?? [];
}
