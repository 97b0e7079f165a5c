import { type Body, bodiesOf } from "./body.js";
import { type NacosConfigValue, configKeyIn } from "./config-key.js";
import { ConfigWatch } from "./config-watch.js";
import type { Connection } from "./connection.js";
import { Keeper } from "./keeper.js";
import { isPermanent } from "./nacos-error.js";
import { bodyOfReply } from "./reply.js";
import type { Session } from "./session.js";
import { backoffMs, jitteredMs } from "./waiting.js";

/** How one configuration is read: undefined when there is none. */
export type ReadConfig = (
  key: Body,
  session: Session,
  isAfterPush: boolean,
) => Promise<NacosConfigValue | undefined>;

/** How many changed configurations are read at a time. */
const readsAtOnce = 16;

/**
 * All that is listened to on one connection. Listening is lost with the connection: all keys are sent again together,
 * with the md5 that is known, and the answer says which have changed meanwhile. The same again now and then is the
 * safety net against lost pushes.
 */
export class ConfigListener {
  readonly #keeper: Keeper;
  readonly #watches = new Map<string, ConfigWatch>();
  #listenAllAtMs = Infinity;

  constructor(
    readonly connection: Connection,
    private readonly read: ReadConfig,
    /** Called when nothing is listened to any more. */
    private readonly onEmpty: () => void,
  ) {
    this.#keeper = new Keeper(connection, "listening to configurations", (session) => this.#step(session));
  }

  get size(): number {
    return this.#watches.size;
  }

  /** The watch of `key`, if there is one. */
  get(key: Body): ConfigWatch | undefined {
    return this.#watches.get(configKeyIn(key));
  }

  /** The watch of `key`. It goes when its last reader has left. */
  watch(key: Body): ConfigWatch {
    const name = configKeyIn(key);
    const known = this.#watches.get(name);
    if (known !== undefined) return known;
    const isCurrent = (session: Session | undefined) =>
      session !== undefined && session === this.connection.current;
    const made = new ConfigWatch(key, isCurrent, () => this.#keeper.wake());
    this.#watches.set(name, made);
    return made;
  }

  /** The server says that it changed. */
  markChanged(key: Body): void {
    const watch = this.get(key);
    if (watch === undefined) return;
    watch.isDirty = true;
    watch.notBeforeMs = 0;
    this.#keeper.wake();
  }

  /** Ends the readers' loops. */
  end(): void {
    for (const watch of this.#watches.values()) watch.end();
  }

  /** Ends the keeping without a word to the server. */
  async stop(): Promise<void> {
    await this.#keeper.stop();
  }

  async #step(session: Session): Promise<number> {
    await this.#forgetUnwanted(session);
    const { environment, resyncMs } = this.connection.settings;
    const nowMs = environment.clock.monotonicMs();
    const isDue = nowMs >= this.#listenAllAtMs;
    const wanted = [...this.#watches.values()];
    const due = wanted.filter((watch) => isDue || watch.listeningOn !== session);
    if (isDue || due.length === wanted.length)
      this.#listenAllAtMs = nowMs + jitteredMs(resyncMs, environment);
    await this.#listen(due, session);
    await this.#readDirty(session);
    return this.#untilNextLook();
  }

  #untilNextLook(): number {
    const nowMs = this.connection.settings.environment.clock.monotonicMs();
    const dirty = [...this.#watches.values()].filter(({ isDirty }) => isDirty);
    const atMs = Math.min(this.#listenAllAtMs, ...dirty.map(({ notBeforeMs }) => notBeforeMs));
    return Math.min(Math.max(0, atMs - nowMs), this.connection.settings.resyncMs * 2);
  }

  async #listen(watches: readonly ConfigWatch[], session: Session): Promise<void> {
    if (watches.length === 0) return;
    try {
      await this.#listenTogether(watches, session);
    } catch (error) {
      // One key that may not be read must not hold up the others.
      if (watches.length === 1 || !isPermanent(error)) throw error;
      const outcomes = await inTurn(watches, (watch) => this.#listenTogether([watch], session));
      const failure = outcomes.find((outcome) => outcome !== undefined);
      if (failure !== undefined) throw failure.error;
    }
  }

  async #listenTogether(watches: readonly ConfigWatch[], session: Session): Promise<void> {
    const answer = await this.#send(watches, session, true);
    const changed = new Set(bodiesOf(answer, "changedConfigs").map(configKeyIn));
    for (const watch of watches) {
      watch.listeningOn = session;
      if (changed.has(configKeyIn(watch.key))) watch.isDirty = true;
      else if (!watch.isKnown && !watch.isDirty) watch.accept(undefined);
    }
  }

  async #readDirty(session: Session): Promise<void> {
    const nowMs = this.connection.settings.environment.clock.monotonicMs();
    const due = [...this.#watches.values()].filter(
      (watch) => watch.isDirty && watch.isWanted && watch.notBeforeMs <= nowMs,
    );
    await inTurn(due, (watch) => this.#refresh(watch, session));
  }

  async #refresh(watch: ConfigWatch, session: Session): Promise<void> {
    const { environment, backoffCapMs } = this.connection.settings;
    watch.isDirty = false;
    try {
      watch.accept(await this.read(watch.key, session, true));
      watch.failures = 0;
    } catch (error) {
      watch.isDirty = true;
      const delayMs = backoffMs(watch.failures, environment.random, 100, backoffCapMs);
      watch.notBeforeMs = environment.clock.monotonicMs() + delayMs;
      const text = `${configKeyIn(watch.key)} cannot be read, trying again`;
      if (watch.failures++ === 0 && session.isOpen) environment.log.warn({ err: error }, text);
    }
  }

  /** Tells the server, and forgets them unless a new reader came by then. */
  async #forgetUnwanted(session: Session): Promise<void> {
    const unwanted = [...this.#watches.values()].filter(({ isWanted }) => !isWanted);
    const listened = unwanted.filter(({ listeningOn }) => listeningOn === session);
    if (listened.length > 0) await this.#send(listened, session, false);
    for (const watch of unwanted) {
      watch.listeningOn = undefined;
      if (!watch.isWanted) this.#watches.delete(configKeyIn(watch.key));
    }
    if (unwanted.length > 0 && this.#watches.size === 0) this.onEmpty();
  }

  async #send(watches: readonly ConfigWatch[], session: Session, listen: boolean): Promise<Body> {
    const configListenContexts = watches.map(({ key, md5 }) => ({ ...key, md5 }));
    const body = { listen, configListenContexts };
    const reply = await session.call("ConfigBatchListenRequest", body, { signal: session.signal });
    const [first] = watches.map(({ key }) => configKeyIn(key));
    return bodyOfReply(reply, `listening to ${first} and ${watches.length - 1} others`);
  }
}

/** Does `work` for all `items`, some at a time; what failed is told at its place. */
async function inTurn<T>(items: readonly T[], work: (item: T) => Promise<void>) {
  const outcomes: ({ readonly error: unknown } | undefined)[] = [];
  for (let at = 0; at < items.length; at += readsAtOnce) {
    const some = items.slice(at, at + readsAtOnce);
    const done = await Promise.allSettled(some.map(work));
    for (const outcome of done)
      outcomes.push(outcome.status === "rejected" ? { error: outcome.reason } : undefined);
  }
  return outcomes;
}
