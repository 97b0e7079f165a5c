import { type Body, bodiesOf } from "./body.js";
import type { NacosConfigValue } from "./config-key.js";
import { configKeyIn } from "./config-key.js";
import type { Connection } from "./connection.js";
import { Keeper, type NextLook } from "./keeper.js";
import type { Latest } from "./latest.js";
import { bodyOfReply } from "./reply.js";
import type { Session } from "./session.js";
import { jitteredMs } from "./waiting.js";

/** How a watch reads its configuration: undefined when there is none. */
export type ReadConfig = (session: Session, isAfterPush: boolean) => Promise<NacosConfigValue | undefined>;

/**
 * One listened configuration, whatever the number of readers. Listening is lost with the connection: it listens
 * again with the md5 that it knows, and the answer says whether that is still so.
 */
export class ConfigWatch {
  readonly #keeper: Keeper;
  readonly #readers = new Set<Latest<string | undefined>>();
  #listeningOn: Session | undefined;
  #listenAgainAtMs = 0;
  #isDirty = false;
  #known: { readonly value: NacosConfigValue | undefined } | undefined;

  /** @param key dataId, group and tenant as requests hold them. */
  constructor(
    private readonly connection: Connection,
    private readonly key: Body,
    private readonly read: ReadConfig,
    private readonly onUnused: () => void,
  ) {
    this.#keeper = new Keeper(connection, `watch of ${configKeyIn(key)}`, (session) => this.#step(session));
  }

  /** `reader` gets what is known while that is followed, then what changes. */
  add(reader: Latest<string | undefined>): void {
    this.#readers.add(reader);
    const isFollowed = this.#listeningOn !== undefined && this.#listeningOn === this.connection.current;
    if (isFollowed && this.#known !== undefined && !this.#isDirty) reader.set(this.#known.value?.content);
    this.#keeper.wake();
  }

  /** After the last one the server is told, unless a new one came by then. */
  remove(reader: Latest<string | undefined>): void {
    this.#readers.delete(reader);
    if (this.#readers.size === 0) this.#keeper.wake();
  }

  /** The server says that it changed. */
  markChanged(): void {
    this.#isDirty = true;
    this.#keeper.wake();
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
    if (this.#readers.size === 0) return await this.#unlisten(session);
    const { clock } = this.connection.settings.environment;
    const isDue = session !== this.#listeningOn || clock.monotonicMs() >= this.#listenAgainAtMs;
    if (isDue) await this.#listen(session);
    else if (this.#isDirty) await this.#refresh(session, true);
    return Math.max(0, this.#listenAgainAtMs - clock.monotonicMs());
  }

  async #listen(session: Session): Promise<void> {
    const { environment, resyncMs } = this.connection.settings;
    const answer = await this.#sendListen(session, true);
    const hasChanged = bodiesOf(answer, "changedConfigs").some(
      (body) => configKeyIn(body) === configKeyIn(this.key),
    );
    if (hasChanged || this.#isDirty) await this.#refresh(session, hasChanged);
    else if (this.#known === undefined) this.#accept(undefined);
    this.#listeningOn = session;
    this.#listenAgainAtMs = environment.clock.monotonicMs() + jitteredMs(resyncMs, environment);
  }

  async #refresh(session: Session, isAfterPush: boolean): Promise<void> {
    this.#isDirty = false;
    try {
      this.#accept(await this.read(session, isAfterPush));
    } catch (error) {
      this.#isDirty = true;
      throw error;
    }
  }

  #accept(value: NacosConfigValue | undefined): void {
    const isNews = this.#known === undefined || this.#known.value?.content !== value?.content;
    this.#known = { value };
    if (isNews) for (const reader of this.#readers) reader.set(value?.content);
  }

  async #unlisten(session: Session): Promise<NextLook> {
    if (this.#listeningOn === session) {
      await this.#sendListen(session, false);
      this.#listeningOn = undefined;
    }
    if (this.#readers.size > 0) return 0;
    this.onUnused();
    return "done";
  }

  async #sendListen(session: Session, listen: boolean): Promise<Body> {
    const context = { ...this.key, md5: this.#known?.value?.md5 ?? "" };
    const body = { listen, configListenContexts: [context] };
    const reply = await session.call("ConfigBatchListenRequest", body, { signal: session.signal });
    return bodyOfReply(reply, `listening to ${configKeyIn(this.key)}`);
  }
}
