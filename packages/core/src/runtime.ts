import {
  connect,
  createServer,
  type NetConnectOpts,
  type Server,
  type ServerOpts,
  type Socket,
} from "node:net";
import { networkInterfaces } from "node:os";

/** A timer that was started by {@link Clock.setTimeout}. */
export interface Timer {
  /** The callback will not run any more. A second time does nothing. */
  cancel(): void;
}

/** Time, passed in so that tests and simulations can hold it. */
export interface Clock {
  /** Milliseconds since an arbitrary moment; never goes back, whatever is done to the machine's clock. */
  monotonicMs(): number;
  /** Milliseconds since 1970: only for what is shown or stored, never for measuring. */
  wallMs(): number;
  /** Runs `callback` once after `delayMs`. A `background` timer does not keep the process alive. */
  setTimeout(callback: () => void, delayMs: number, options?: { background?: boolean }): Timer;
}

/** An address of this machine. */
export interface MachineAddress {
  /** Without a zone: `10.0.0.7`, `fe80::1`. */
  readonly address: string;
  /** `IPv4` or `IPv6`. */
  readonly family: string;
  /** True: of a loopback interface. */
  readonly internal: boolean;
}

/** Sockets, passed in for the same reason. */
export interface Network {
  connect(options: NetConnectOpts): Socket;
  createServer(options: ServerOpts, onConnection: (socket: Socket) => void): Server;
  /** The addresses that this machine has now, loopback among them. */
  addresses(): readonly MachineAddress[];
}

/** What pino and its like offer, as far as this project uses it. Fields first, then a sentence. */
export interface Logger {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

/** All that reaches outside the program: handed down from where the program starts. */
export interface Runtime {
  readonly clock: Clock;
  /** At least 0, less than 1. */
  readonly random: () => number;
  readonly network: Network;
  readonly log: Logger;
}

/** The real time of this machine. */
export const systemClock: Clock = {
  monotonicMs: () => performance.now(),
  wallMs: () => Date.now(),
  setTimeout(callback, delayMs, { background = false } = {}) {
    const timer = setTimeout(callback, delayMs);
    if (background) timer.unref();
    return { cancel: () => clearTimeout(timer) };
  },
};

/** The real sockets of this machine. */
export const systemNetwork: Network = {
  connect: (options) => connect(options),
  createServer: (options, onConnection) => createServer(options, onConnection),
  addresses: () => Object.values(networkInterfaces()).flatMap((list) => list ?? []),
};

const ignore = () => {};

/** Says nothing. */
export const silentLogger: Logger = { debug: ignore, info: ignore, warn: ignore, error: ignore };

/** The real machine, with a silent log: what is used when a program passes nothing else. */
export const systemRuntime: Runtime = {
  clock: systemClock,
  random: Math.random,
  network: systemNetwork,
  log: silentLogger,
};
