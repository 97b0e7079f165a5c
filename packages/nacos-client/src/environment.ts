import { type NacosNetwork, systemNetwork } from "./network.js";

/** A timer that was started by {@link NacosClock.setTimeout}. */
export interface NacosTimer {
  /** The callback will not run any more. A second time does nothing. */
  cancel(): void;
}

/** Time, passed in so that tests can hold it. */
export interface NacosClock {
  /** Milliseconds since an arbitrary moment; never goes back. */
  monotonicMs(): number;
  /** Milliseconds since 1970: only for what is shown or sent, never for measuring. */
  wallMs(): number;
  /** Runs `callback` once after `delayMs`. A `background` timer does not keep the process alive. */
  setTimeout(callback: () => void, delayMs: number, options?: { background?: boolean }): NacosTimer;
}

/** What pino and its like offer, as far as this client uses it. Fields first, then a sentence. */
export interface NacosLogger {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

/** What reaches outside the program; the sockets of gRPC are gRPC's own. */
export interface NacosEnvironment {
  readonly clock: NacosClock;
  /** At least 0, less than 1. */
  readonly random: () => number;
  readonly log: NacosLogger;
  readonly network: NacosNetwork;
}

const ignore = () => {};

const systemClock: NacosClock = {
  monotonicMs: () => performance.now(),
  wallMs: () => Date.now(),
  setTimeout(callback, delayMs, { background = false } = {}) {
    const timer = setTimeout(callback, delayMs);
    if (background) timer.unref();
    return { cancel: () => clearTimeout(timer) };
  },
};

/** The real time, and a log that says nothing. */
export const systemEnvironment: NacosEnvironment = {
  clock: systemClock,
  random: Math.random,
  log: { debug: ignore, info: ignore, warn: ignore, error: ignore },
  network: systemNetwork,
};
