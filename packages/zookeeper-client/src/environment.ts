import { connect, type OnReadOpts, type Socket } from "node:net";

/** A timer that was started by {@link Clock.setTimeout}. */
export interface Timer {
  cancel(): void;
}

/** Time, passed in so that tests can hold it. */
export interface Clock {
  /** Milliseconds since an arbitrary moment; never goes back. */
  monotonicMs(): number;
  /** Runs `callback` once after `delayMs`. A `background` timer does not keep the process alive. */
  setTimeout(callback: () => void, delayMs: number, options?: { background?: boolean }): Timer;
}

/** What pino and its like offer. Fields first, then a sentence. Never given passwords. */
export interface Logger {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

/** Where a server listens. */
export interface ServerAddress {
  readonly host: string;
  readonly port: number;
}

/** All that the client reaches outside for. Each part has the real thing of this machine as its default. */
export interface Environment {
  readonly clock: Clock;
  /** At least 0, less than 1. */
  readonly random: () => number;
  /**
   * Opens a socket; the place for `tls.connect`. A plain one given `onread` takes a third of the CPU for what is
   * read; one without it emits `data`, which is read as well.
   */
  readonly connect: (address: ServerAddress, onread: OnReadOpts) => Socket;
  /** Default: says nothing. */
  readonly log: Logger;
}

const systemClock: Clock = {
  monotonicMs: () => performance.now(),
  setTimeout(callback, delayMs, { background = false } = {}) {
    const timer = setTimeout(callback, delayMs);
    if (background) timer.unref();
    return { cancel: () => clearTimeout(timer) };
  },
};

const ignore = () => {};

const silentLogger: Logger = { debug: ignore, info: ignore, warn: ignore, error: ignore };

/** Fills what `given` leaves out. */
export function environmentOf(given: Partial<Environment>): Environment {
  return {
    clock: given.clock ?? systemClock,
    random: given.random ?? Math.random,
    connect: given.connect ?? ((address, onread) => connect({ ...address, noDelay: true, onread })),
    log: given.log ?? silentLogger,
  };
}
