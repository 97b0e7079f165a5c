import { AsyncLocalStorage } from "node:async_hooks";
import { type Clock, RpcError, type ServiceKey, type Timer } from "@dubbo-ts/core";
import type { Invocation, Peer } from "./invocation.js";
import { toRemoteException } from "./remote-exception.js";
import { isAsyncIterable } from "./streams.js";

/** What a provider's method may know of the call that it serves, beside its arguments. */
export interface CallContext {
  readonly service: ServiceKey;
  /** The method's name in the definition. */
  readonly method: string;
  /** What the caller sent along. Not passed on to calls that this method makes: give them what they need. */
  readonly attachments: ReadonlyMap<string, string>;
  /** What goes back beside the result: `callContext().responseAttachments.set("served-by", "a")`. */
  readonly responseAttachments: Map<string, string>;
  /** Who calls. */
  readonly peer: Peer | undefined;
  /** When the caller stops waiting, in the clock's monotonic ms; Infinity: never, or not told. */
  readonly deadlineMs: number;
  /** How long the caller still waits, at least 0. */
  readonly remainingMs: number;
  /**
   * Aborts when the caller cancels or stops waiting; it never aborts once the method has settled. Made when it is
   * first read.
   */
  readonly signal: AbortSignal;
}

const storage = new AsyncLocalStorage<CallContext>();

/**
 * The call that is being served: in a provider's method, and in whatever it calls and awaits.
 *
 * @throws {Error} outside of a call: a mistake in the program.
 */
export function callContext(): CallContext {
  const context = storage.getStore();
  if (context === undefined)
    throw new Error(
      "callContext() was called outside of a provider's method: there is no call to tell about",
    );
  return context;
}

/** Like {@link callContext}; undefined outside of a call. */
export function tryCallContext(): CallContext | undefined {
  return storage.getStore();
}

/** Runs `work` as the service of `invocation`; a stream that it gives back lasts until it was read to its end. */
export async function serveInContext<T>(
  invocation: Invocation,
  method: string,
  clock: Clock,
  work: () => T,
): Promise<Awaited<T>> {
  const context = new ServedCall(invocation, method, clock);
  let streaming = false;
  try {
    const result = await storage.run(context, work);
    streaming = isAsyncIterable(result);
    return streaming ? (streamInContext(result as AsyncIterable<unknown>, context) as Awaited<T>) : result;
  } finally {
    if (!streaming) context.settled();
  }
}

/** The body of a generator runs when it is read, and what reads it is not the method. */
async function* streamInContext(
  stream: AsyncIterable<unknown>,
  context: ServedCall,
): AsyncGenerator<unknown, void, undefined> {
  const iterator = storage.run(context, () => stream[Symbol.asyncIterator]());
  let open = true;
  try {
    for (;;) {
      const result = await storage
        .run(context, () => iterator.next())
        .catch((error: unknown) => {
          open = false;
          throw toRemoteException(error);
        });
      open = result.done !== true;
      if (!open) return;
      yield result.value;
    }
  } finally {
    if (open) await storage.run(context, () => iterator.return?.());
    context.settled();
  }
}

class ServedCall implements CallContext {
  #controller: AbortController | undefined;
  #timer: Timer | undefined;
  #settled = false;

  constructor(
    private readonly invocation: Invocation,
    readonly method: string,
    private readonly clock: Clock,
  ) {}

  get service() {
    return this.invocation.service;
  }
  get attachments() {
    return this.invocation.attachments;
  }
  get responseAttachments() {
    return this.invocation.responseAttachments;
  }
  get peer() {
    return this.invocation.peer;
  }
  get deadlineMs() {
    return this.invocation.deadlineMs;
  }
  get remainingMs() {
    return Math.max(0, this.deadlineMs - this.clock.monotonicMs());
  }

  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      if (!this.#settled) this.#arm();
    }
    return this.#controller.signal;
  }

  settled(): void {
    this.#settled = true;
    if (this.#controller !== undefined) this.#disarm();
  }

  #arm(): void {
    const { signal } = this.invocation;
    if (signal?.aborted) return this.#onCancel();
    signal?.addEventListener("abort", this.#onCancel, { once: true });
    if (this.deadlineMs === Infinity) return;
    this.#timer = this.clock.setTimeout(this.#onDeadline, this.remainingMs, { background: true });
  }

  #disarm(): void {
    this.#timer?.cancel();
    this.invocation.signal?.removeEventListener("abort", this.#onCancel);
  }

  readonly #onCancel = (): void => {
    this.#disarm();
    this.#controller?.abort(this.invocation.signal?.reason);
  };

  readonly #onDeadline = (): void => {
    this.#disarm();
    this.#controller?.abort(
      new RpcError(
        "CALL_TIMEOUT",
        `the caller of ${this.service.serviceInterface}.${this.method} stopped waiting`,
      ),
    );
  };
}
