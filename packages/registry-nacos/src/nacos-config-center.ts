import { backoffMs, type RegistryError, type Runtime, sleep } from "@dubbo-ts/core";
import {
  checkConfigItem,
  type ConfigCenter,
  type ConfigItem,
  type ConfigRecord,
  type ExpectedVersion,
  type PastConfigRecord,
} from "@dubbo-ts/config";
import type { ConfigKey, NacosAdmin, NacosConfig } from "@dubbo-ts/nacos-client";
import { failureOf, registryError } from "./errors.js";
import { md5Of, readHistory } from "./nacos-history.js";
import { plainName } from "./nacos-names.js";

/** What {@link NacosConfigCenter} needs. */
export interface NacosConfigCenterOptions {
  readonly name: string;
  readonly config: NacosConfig;
  /** Where the history is read. Undefined: the server keeps none. */
  readonly admin: NacosAdmin | undefined;
  /** Whether `config` is closed with the config center: not when it is shared. */
  readonly owned: boolean;
  readonly runtime: Pick<Runtime, "clock" | "random">;
}

/** What is written can be read 30 to 140 ms later, once it was 1.1 s (nacos-server 8); nobody waits longer than this. */
const readableWithinMs = 3_000;

/** No md5 is that: writes only if nothing is there, as Java does (app-level discovery 5.2). */
const absentMd5 = "0";

/**
 * The {@link ConfigCenter} on Nacos: key and group are dataId and group of a configuration, within the namespace, as in Java and
 * Go (peers J3); `$` and `/` are written as Java writes them. A record's version is the md5 of its text. A write returns
 * when it can be read on the same server, since Nacos shows it a moment after it took it.
 */
export class NacosConfigCenter implements ConfigCenter {
  readonly name: string;
  /** Left out where the server keeps none. */
  readonly history?: NonNullable<ConfigCenter["history"]>;
  readonly #options: NacosConfigCenterOptions;
  readonly #closing = new AbortController();
  #closed: Promise<void> | undefined;

  /** Use {@link nacosConfigCenter} or {@link openNacos}. */
  constructor(options: NacosConfigCenterOptions) {
    this.name = options.name;
    this.#options = options;
    const { admin } = options;
    if (admin !== undefined) this.history = (item, signal) => this.#history(admin, item, signal);
  }

  get failure(): RegistryError | undefined {
    return failureOf(this.#options.name, this.#options.config.state);
  }

  async get(item: ConfigItem, signal: AbortSignal): Promise<ConfigRecord | undefined> {
    return this.#at(item, signal, async (key) => {
      const value = await this.#options.config.get(key, signal);
      return value === undefined ? undefined : { text: value.content, version: value.md5 };
    });
  }

  async publish(
    item: ConfigItem,
    text: string,
    signal: AbortSignal,
    expected?: ExpectedVersion,
  ): Promise<boolean> {
    const type = typeOf(item.key, text);
    return this.#at(item, signal, async (key) => {
      const { config } = this.#options;
      if (expected === undefined) {
        const before = (await config.get(key, signal))?.md5;
        await config.publish(key, text, { type }, signal);
        if (before !== md5Of(text)) await this.#untilNot(before, key, signal);
        return true;
      }
      if (expected === "absent") return config.publish(key, text, { type, casMd5: absentMd5 }, signal);
      // The server compares nothing when there is nothing, and would make what somebody has removed.
      if ((await config.get(key, signal))?.md5 !== expected.version) return false;
      return config.publish(key, text, { type, casMd5: expected.version }, signal);
    });
  }

  async remove(item: ConfigItem, signal: AbortSignal): Promise<void> {
    await this.#at(item, signal, async (key) => {
      const { config } = this.#options;
      const before = (await config.get(key, signal))?.md5;
      await config.remove(key, signal);
      if (before !== undefined) await this.#untilNot(before, key, signal);
    });
  }

  async *watch(
    item: ConfigItem,
    signal: AbortSignal,
  ): AsyncGenerator<ConfigRecord | undefined, void, undefined> {
    const key = this.#keyOf(item);
    const either = AbortSignal.any([signal, this.#closing.signal]);
    try {
      for await (const text of this.#options.config.watch(key, either))
        yield text === undefined ? undefined : { text, version: md5Of(text) };
    } catch (error) {
      if (!either.aborted) throw registryError(this.name, error);
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    this.#closing.abort();
    if (this.#options.owned) await this.#options.config.close();
  }

  #history(admin: NacosAdmin, item: ConfigItem, signal: AbortSignal): Promise<readonly PastConfigRecord[]> {
    return this.#at(item, signal, (key) => readHistory(admin, key, signal));
  }

  /** Waits until what is read is no longer `before`. It was taken in any case: so it does not fail when that takes long. */
  async #untilNot(before: string | undefined, key: ConfigKey, signal: AbortSignal): Promise<void> {
    const { config, runtime } = this.#options;
    const { clock, random } = runtime;
    const untilMs = clock.monotonicMs() + readableWithinMs;
    for (let tries = 0; (await config.get(key, signal))?.md5 === before; tries += 1) {
      if (clock.monotonicMs() >= untilMs) return;
      const either = AbortSignal.any([signal, this.#closing.signal]);
      await sleep(clock, 10 + backoffMs(tries, random, { baseMs: 20, capMs: 200 }), either);
    }
  }

  #keyOf(item: ConfigItem): ConfigKey {
    checkConfigItem(item, this.name);
    return { dataId: plainName(item.key), group: plainName(item.group) };
  }

  async #at<T>(item: ConfigItem, signal: AbortSignal, work: (key: ConfigKey) => Promise<T>): Promise<T> {
    signal.throwIfAborted();
    const key = this.#keyOf(item);
    try {
      return await work(key);
    } catch (error) {
      throw registryError(this.name, error);
    }
  }
}

/** How the console shows it: Java's rules are YAML. */
function typeOf(key: string, text: string): string {
  const [, ending = ""] = /\.(properties|ya?ml|json|configurators|[\w-]+-router)$/.exec(key) ?? [];
  if (ending === "properties" || ending === "json") return ending;
  if (ending === "") return "text";
  return text.trimStart().startsWith("[") ? "json" : "yaml";
}
