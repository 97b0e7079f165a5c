import type { ConfigCenter, ConfigItem } from "@dubbo-ts/config";
import { backoffMs, type Runtime, sleep } from "@dubbo-ts/core";

/** A text of a config center that is followed. */
export interface WatchedItem extends AsyncDisposable {
  /** Resolves when the config center has told what there is, if only that there is nothing. */
  readonly known: Promise<void>;
}

/** Follows `item` until it is disposed, whatever happens to the config center; `onText` hears of what it is now. */
export function watchItem(
  center: ConfigCenter,
  item: ConfigItem,
  onText: (text: string | undefined) => void,
  runtime: Runtime,
): WatchedItem {
  const controller = new AbortController();
  let heard = () => {};
  const known = new Promise<void>((resolve) => (heard = resolve));
  const following = follow(center, item, controller.signal, runtime, (text) => {
    onText(text);
    heard();
  }).finally(() => heard());
  return {
    known,
    async [Symbol.asyncDispose]() {
      controller.abort();
      await following;
    },
  };
}

async function follow(
  center: ConfigCenter,
  item: ConfigItem,
  signal: AbortSignal,
  { clock, random, log }: Runtime,
  onText: (text: string | undefined) => void,
): Promise<void> {
  for (let failures = 0; !signal.aborted; failures += 1) {
    try {
      for await (const record of center.watch(item, signal)) {
        failures = 0;
        onText(record?.text);
      }
    } catch (error) {
      if (signal.aborted) return;
      log.warn({ err: error, ...item }, "an item of the config center cannot be followed; trying again");
    }
    await sleep(clock, backoffMs(failures, random), signal, { background: true }).catch(() => {});
  }
}
