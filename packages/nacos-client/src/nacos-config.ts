import { type Body, textOf } from "./body.js";
import { absentMd5, compareAndSet } from "./compare-and-set.js";
import { type ConfigKey, configKeyOf, md5Of, type NacosConfigValue } from "./config-key.js";
import { ConfigListener } from "./config-listener.js";
import { ConnectedClient } from "./connected-client.js";
import { Connection } from "./connection.js";
import { FuzzyWatch, fits } from "./fuzzy-watch.js";
import { defaultGroup } from "./instance.js";
import { checkConfigKey, checkContent, checkPattern } from "./limits.js";
import { type NacosOptions, type Settings, toSettings } from "./options.js";
import type { Push } from "./push-stream.js";
import { bodyOfReply, refusal, type Reply } from "./reply.js";
import type { Session } from "./session.js";
import { pause } from "./waiting.js";

/** How to publish. */
export interface PublishOptions {
  /**
   * Publish only if the content still has this md5; `""`: only if there is none. Default: whatever is there.
   */
  readonly casMd5?: string;
  /** `text`, `yaml`, `json`, `properties` ...: how the console shows it. Default not said. */
  readonly type?: string;
  /** For people. Default none. */
  readonly description?: string;
  /** Words by which the console finds it. Default none. */
  readonly tags?: readonly string[];
  /** Which application it belongs to. Default none. */
  readonly appName?: string;
  /** Publishes a trial version that only clients at these addresses see. Default: for all. */
  readonly betaIps?: readonly string[];
  /** Says that `content` is encrypted, and how: kept and handed out with it. Default plain. */
  readonly encryptedDataKey?: string;
}

/**
 * Opens a configuration client. It connects in the background, on a connection of its own, and keeps the process
 * alive until it is closed.
 * @throws {NacosError} INVALID: an option cannot be used.
 */
export function nacosConfig(options: NacosOptions): NacosConfig {
  return new NacosConfig(toSettings(options));
}

/** Named texts that programs read, write and watch. */
export class NacosConfig extends ConnectedClient {
  readonly #listeners: ConfigListener[];
  readonly #fuzzy = new Map<string, FuzzyWatch<ConfigKey>>();
  readonly #tenant: string;
  readonly #settings: Settings;
  /** Numbers the connections, for the server's console. */
  #taskId = 0;
  #leaving: Promise<unknown> = Promise.resolve();

  /** Use {@link nacosConfig}. */
  constructor(settings: Settings) {
    super("config", withTask(settings, 0), (push, session) => this.#onPush(push, session));
    this.#settings = settings;
    // Nacos 2 keeps "" and "public" apart here; clients mean "" (nacos-server 8, A1.7).
    this.#tenant = settings.namespace === "public" ? "" : settings.namespace;
    this.#listeners = [this.#listenerOn(this.connection)];
  }

  /**
   * The content under `key`, undefined when there is none. It may be 1 s older than the last publish.
   * @throws {NacosError} @throws `signal.reason` when that aborts.
   */
  async get(key: ConfigKey, signal: AbortSignal): Promise<NacosConfigValue | undefined> {
    checkConfigKey(key);
    return await this.#read(
      key,
      (type, body) => this.connection.request(type, body, this.#call(signal)),
      signal,
    );
  }

  /**
   * Writes `content` under `key`. With `casMd5`, false: the write lost or was overwritten, so read again and
   * decide anew; true: it was read back. Without `casMd5` always true.
   * @throws {NacosError} INVALID, UNAUTHORIZED, REFUSED, UNAVAILABLE; TIMEOUT also when it did not become readable
   *   within 3 s. @throws `signal.reason` when that aborts.
   */
  async publish(
    key: ConfigKey,
    content: string,
    options: PublishOptions,
    signal: AbortSignal,
  ): Promise<boolean> {
    checkConfigKey(key);
    checkContent(content);
    const { casMd5 } = options;
    const body = { ...this.#body(key), content, additionMap: additionsOf(options) };
    if (casMd5 !== undefined)
      return await this.#publishIf(key, { ...body, casMd5: casMd5 || absentMd5 }, signal);
    const reply = await this.connection.request("ConfigPublishRequest", body, this.#call(signal));
    bodyOfReply(reply, `publishing ${configKeyOf(key)}`);
    return true;
  }

  /** Removes what is under `key`, also when there is nothing. @throws {NacosError} @throws `signal.reason`. */
  async remove(key: ConfigKey, signal: AbortSignal): Promise<void> {
    checkConfigKey(key);
    const reply = await this.connection.request("ConfigRemoveRequest", this.#body(key), this.#call(signal));
    bodyOfReply(reply, `removing ${configKeyOf(key)}`);
  }

  /**
   * Yields the content under `key`, undefined when there is none, then again after each change; a slow reader gets the
   * latest. While no server is connected nothing is yielded. Ends when `signal` aborts or the client is closed.
   * @throws {NacosError} INVALID, CLOSED.
   */
  async *watch(key: ConfigKey, signal: AbortSignal): AsyncGenerator<string | undefined, void, undefined> {
    checkConfigKey(key);
    this.throwIfClosed();
    yield* this.follow(this.#listenerFor(key).watch(this.#body(key)), signal);
  }

  /**
   * Yields the keys of all configurations that fit, then all again after each change: servers from 3.0 on. `*` may stand
   * at the beginning or the end, or alone. Servers tell who comes and goes, not whose content has changed: {@link watch} that.
   * @param pattern default: all of `DEFAULT_GROUP`.
   * @throws {NacosError} INVALID, CLOSED; UNSUPPORTED: an older server, or HTTP.
   */
  async *watchKeys(
    { dataId = "*", group = defaultGroup }: Partial<ConfigKey>,
    signal: AbortSignal,
  ): AsyncGenerator<readonly ConfigKey[], void, undefined> {
    checkPattern(dataId);
    checkPattern(group);
    this.throwIfClosed();
    const watch = this.#fuzzyWatch(dataId, group);
    yield* this.follow(watch, signal);
    if (watch.failure !== undefined && !signal.aborted) throw watch.failure;
  }

  protected override async end(): Promise<void> {
    const [listeners, fuzzy] = [[...this.#listeners], [...this.#fuzzy.values()]];
    for (const shared of [...listeners, ...fuzzy]) shared.end();
    await Promise.all(listeners.map(({ connection }) => connection[Symbol.asyncDispose]()));
    await Promise.all([...listeners, ...fuzzy].map((shared) => shared.stop()));
    await this.#leaving;
  }

  async #publishIf(key: ConfigKey, body: Body, signal: AbortSignal): Promise<boolean> {
    const what = `publishing ${configKeyOf(key)}`;
    const send = (session: Session) => session.call("ConfigPublishRequest", body, this.#call(signal));
    const read = async () => (await this.get(key, signal))?.md5;
    return await compareAndSet({ connection: this.connection, what, body, send, read }, signal);
  }

  async #read(
    key: ConfigKey,
    send: (type: string, body: Body) => Promise<Reply>,
    signal: AbortSignal,
  ): Promise<NacosConfigValue | undefined> {
    const { clock } = this.connection.settings.environment;
    for (let triesLeft = 5; ; triesLeft -= 1) {
      const reply = await send("ConfigQueryRequest", this.#body(key));
      if (!reply.ok && reply.errorCode === 300 && reply.type !== "ErrorResponse") return undefined;
      // 400 here: being written at this moment.
      if (reply.ok || reply.errorCode !== 400 || triesLeft === 0) return toValue(reply, key);
      await pause(clock, 50, [signal]);
      signal.throwIfAborted();
    }
  }

  /** Where `key` is listened to, or the first that has room: another connection for more than that (registries A1.7). */
  #listenerFor(key: ConfigKey): ConfigListener {
    const body = this.#body(key);
    const known = this.#listeners.find((listener) => listener.get(body) !== undefined);
    if (known !== undefined) return known;
    const withRoom = this.#listeners.find(({ size }) => size < this.#settings.listenLimit);
    if (withRoom !== undefined) return withRoom;
    const settings = withTask(this.#settings, ++this.#taskId);
    const connection = new Connection("config", settings, (push, session) => this.#onPush(push, session));
    const made = this.#listenerOn(connection);
    this.#listeners.push(made);
    return made;
  }

  #listenerOn(connection: Connection): ConfigListener {
    const listener: ConfigListener = new ConfigListener(
      connection,
      (key, session, isAfterPush) => {
        const options = this.#call(session.signal, isAfterPush);
        const named = { dataId: textOf(key, "dataId"), group: textOf(key, "group") };
        return this.#read(named, (type, body) => session.call(type, body, options), session.signal);
      },
      () => this.#leave(listener),
    );
    return listener;
  }

  /** Only the first connection stays without anything to listen to. */
  #leave(listener: ConfigListener): void {
    if (listener.connection === this.connection) return;
    this.#listeners.splice(this.#listeners.indexOf(listener), 1);
    const left = listener.connection[Symbol.asyncDispose]().then(() => listener.stop());
    this.#leaving = Promise.all([this.#leaving, left]);
  }

  #fuzzyWatch(dataId: string, group: string): FuzzyWatch<ConfigKey> {
    const pattern = `${this.#tenant || "public"}>>${group}>>${dataId}`;
    const known = this.#fuzzy.get(pattern);
    if (known !== undefined) return known;
    const kind = {
      prefix: "ConfigFuzzyWatch",
      base: {},
      read: readKeyEntry,
      matches: (key: ConfigKey) => fits(dataId, key.dataId) && fits(group, key.group ?? defaultGroup),
    } as const;
    const made = new FuzzyWatch(this.connection, pattern, kind, () => this.#fuzzy.delete(pattern));
    this.#fuzzy.set(pattern, made);
    return made;
  }

  #onPush(push: Push, session: Session): void {
    for (const watch of this.#fuzzy.values()) watch.onPush(push, session);
    if (push.type !== "ConfigChangeNotifyRequest") return;
    for (const listener of this.#listeners) listener.markChanged(push.body);
  }

  #body({ dataId, group = defaultGroup }: ConfigKey) {
    return { dataId, group, tenant: this.#tenant };
  }

  /** The headers that every config request has: registries A1.7. */
  #call(signal: AbortSignal, isAfterPush = false) {
    const { appName, environment } = this.connection.settings;
    const time = String(environment.clock.wallMs());
    const headers = {
      "Client-AppName": appName,
      "Client-RequestTS": time,
      "Client-RequestToken": md5Of(time),
      exConfigInfo: "true",
      charset: "UTF-8",
      ...(isAfterPush ? { notify: "true" } : {}),
    };
    return { signal, headers };
  }
}

/** The connection's number, as Java's clients label theirs. */
function withTask(settings: Settings, taskId: number): Settings {
  return { ...settings, labels: { ...settings.labels, taskId: String(taskId) } };
}

function additionsOf({
  type,
  description,
  tags,
  appName,
  betaIps,
  encryptedDataKey,
}: PublishOptions): Record<string, string> {
  return {
    ...(type !== undefined && { type }),
    ...(description !== undefined && { desc: description }),
    ...(tags !== undefined && { config_tags: tags.join(",") }),
    ...(appName !== undefined && { appName }),
    ...(betaIps !== undefined && { betaIps: betaIps.join(",") }),
    ...(encryptedDataKey !== undefined && { encryptedDataKey }),
  };
}

/** `dataId+group+tenant`, with `+` and `%` escaped: GroupKey.java. */
function readKeyEntry(entry: Body) {
  const plain = (part: string) => part.replaceAll("%2B", "+").replaceAll("%25", "%");
  const [dataId, group] = textOf(entry, "groupKey").split("+").map(plain);
  if (dataId === undefined || group === undefined) return undefined;
  const value: ConfigKey = Object.freeze({ dataId, group });
  return { name: configKeyOf(value), value };
}

function toValue(reply: Reply, key: ConfigKey): NacosConfigValue {
  if (!reply.ok) throw refusal(reply, `reading ${configKeyOf(key)}`);
  const content = textOf(reply.body, "content");
  const encryptedDataKey = textOf(reply.body, "encryptedDataKey");
  const md5 = textOf(reply.body, "md5") || md5Of(content);
  return { content, md5, ...(encryptedDataKey !== "" && { encryptedDataKey }) };
}
