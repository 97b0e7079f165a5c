import { type Body, bodiesOf, textOf } from "./body.js";
import type { Connection } from "./connection.js";
import { Keeper, type NextLook } from "./keeper.js";
import type { Latest } from "./latest.js";
import type { NacosError } from "./nacos-error.js";
import type { Push } from "./push-stream.js";
import { refusal } from "./reply.js";
import type { Session } from "./session.js";
import { jitteredMs } from "./waiting.js";

/** What naming and config call the same things. */
export interface FuzzyKind<T> {
  /** `NamingFuzzyWatch`: what the names of the messages begin with. */
  readonly prefix: "NamingFuzzyWatch" | "ConfigFuzzyWatch";
  /** Goes into every request beside the pattern. */
  readonly base: Body;
  /** The name and what it stands for, out of an entry of a list or a change; undefined when it cannot be read. */
  readonly read: (entry: Body) => { readonly name: string; readonly value: T } | undefined;
  /** Whether `value` is of `pattern`: a change does not say for whom it is meant. */
  readonly matches: (value: T) => boolean;
}

/** The server has no such limit to what it sends at once, but to what it keeps: the list is then not whole. */
const overLimit = 50_311;

/**
 * All names that fit a pattern, on servers from 3.0 on. A new connection is asked for the whole list, which takes the
 * place of the old one when it has come to its end; then come changes.
 */
export class FuzzyWatch<T> {
  readonly #keeper: Keeper;
  readonly #readers = new Set<Latest<readonly T[]>>();
  #watchedOn: Session | undefined;
  #watchAgainAtMs = 0;
  #known: ReadonlyMap<string, T> | undefined;
  /** A list that has not come to its end yet. */
  #incoming: Map<string, T> | undefined;
  /** Why there will be nothing. */
  #failure: NacosError | undefined;

  constructor(
    private readonly connection: Connection,
    private readonly pattern: string,
    private readonly kind: FuzzyKind<T>,
    private readonly onUnused: () => void,
  ) {
    this.#keeper = new Keeper(connection, `fuzzy watch of ${pattern}`, (session) => this.#step(session));
  }

  /** Undefined: none so far. UNSUPPORTED: the server knows no fuzzy watches. */
  get failure(): NacosError | undefined {
    return this.#failure;
  }

  add(reader: Latest<readonly T[]>): void {
    this.#readers.add(reader);
    if (this.#watchedOn === this.connection.current && this.#known !== undefined)
      reader.set([...this.#known.values()]);
    this.#keeper.wake();
  }

  remove(reader: Latest<readonly T[]>): void {
    this.#readers.delete(reader);
    if (this.#readers.size === 0) this.#keeper.wake();
  }

  /** Takes what is meant for it. */
  onPush({ type, body }: Push, session: Session): void {
    const { prefix } = this.kind;
    if (session !== this.connection.current && session !== this.#watchedOn) return;
    if (type === `${prefix}ChangeNotifyRequest`) this.#apply([body]);
    else if (type !== `${prefix}SyncRequest` || textOf(body, "groupKeyPattern") !== this.pattern) return;
    else if (textOf(body, "syncType") === "FINISH_FUZZY_WATCH_INIT_NOTIFY") this.#finish();
    else this.#apply(bodiesOf(body, "contexts"));
  }

  /** Ends the readers' loops. */
  end(): void {
    for (const reader of this.#readers) reader.end();
  }

  /** Ends the keeping without a word to the server. */
  async stop(): Promise<void> {
    await this.#keeper.stop();
  }

  async #step(session: Session): Promise<NextLook> {
    if (this.#readers.size === 0) return await this.#cancel(session);
    const { environment, resyncMs } = this.connection.settings;
    const nowMs = environment.clock.monotonicMs();
    const isDue = session !== this.#watchedOn || nowMs >= this.#watchAgainAtMs;
    if (!isDue) return this.#watchAgainAtMs - nowMs;
    this.#incoming = new Map();
    const reply = await this.#send("WATCH", session);
    if (reply.errorCode === overLimit)
      environment.log.warn({ pattern: this.pattern }, "more names fit the pattern than the server follows");
    else if (!reply.ok) return this.#refused(refusal(reply, `watching ${this.pattern}`));
    this.#watchedOn = session;
    const waitMs = jitteredMs(resyncMs * 3, environment); // as Java, every three minutes
    this.#watchAgainAtMs = nowMs + waitMs;
    return waitMs;
  }

  #refused(error: NacosError): NextLook {
    if (error.code !== "UNSUPPORTED") throw error;
    this.#failure = error;
    this.end();
    this.onUnused();
    return "done";
  }

  async #cancel(session: Session): Promise<NextLook> {
    if (this.#watchedOn === session) await this.#send("CANCEL_WATCH", session);
    this.#watchedOn = undefined;
    if (this.#readers.size > 0) return 0;
    this.onUnused();
    return "done";
  }

  #send(watchType: string, session: Session) {
    const { prefix, base } = this.kind;
    // Always the whole list: what the server believes to have sent may have been lost with a connection.
    const list = { receivedGroupKeys: [], initializing: watchType === "WATCH" };
    const body = { ...base, groupKeyPattern: this.pattern, watchType, ...list };
    return session.call(`${prefix}Request`, body, { signal: session.signal });
  }

  #apply(entries: readonly Body[]): void {
    const changed = new Map(this.#known);
    for (const entry of entries) {
      const found = this.kind.read(entry);
      if (found === undefined || !this.kind.matches(found.value)) continue;
      const change = textOf(entry, "changedType") || textOf(entry, "changeType");
      for (const map of [changed, this.#incoming]) {
        if (change.startsWith("DELETE")) map?.delete(found.name);
        else if (!map?.has(found.name)) map?.set(found.name, found.value);
      }
    }
    // Before the first list is complete there is nothing to show.
    if (this.#known !== undefined) this.#show(changed);
  }

  #finish(): void {
    if (this.#incoming === undefined) return;
    // What was known stays the same object.
    const next = new Map([...this.#incoming].map(([name, value]) => [name, this.#known?.get(name) ?? value]));
    this.#incoming = undefined;
    this.#show(next);
  }

  #show(next: ReadonlyMap<string, T>): void {
    const known = this.#known;
    const isSame = known?.size === next.size && [...next].every(([name, value]) => known.get(name) === value);
    this.#known = next;
    if (!isSame) for (const reader of this.#readers) reader.set([...next.values()]);
  }
}

/** Whether `text` fits `pattern`, in which `*` may stand at the beginning, at the end, or alone: FuzzyGroupKeyPattern.java. */
export function fits(pattern: string, text: string): boolean {
  const plain = pattern.replaceAll("*", "");
  if (pattern === "*") return true;
  if (pattern.startsWith("*") && pattern.endsWith("*")) return text.includes(plain);
  if (pattern.startsWith("*")) return text.endsWith(plain);
  return pattern.endsWith("*") ? text.startsWith(plain) : pattern === text;
}
