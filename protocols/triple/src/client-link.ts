import {
  abortable,
  deadline,
  type EndpointAddress,
  RpcError,
  type Runtime,
  type Timer,
} from "@dubbo-ts/core";
import { type Invocation, isStreamIn, Silence, type Sweep, type Swept } from "@dubbo-ts/rpc";
import { Channel, type ChannelCredentials, type ChannelOptions, connectivityState } from "@grpc/grpc-js";
import { type CallOwner, type ClientCall, StreamCall, UnaryCall } from "./client-call.js";
import { checkHealth, type HealthWatch, watchHealth } from "./health-client.js";
import { codecOf } from "./method-codec.js";
import type { TripleSettings } from "./options.js";
import type { RequestHeaders } from "./request-headers.js";
import { RunningCalls } from "./running-calls.js";

/** What the links of a protocol's consumer side share. */
export interface LinkContext {
  readonly settings: TripleSettings;
  readonly options: ChannelOptions;
  readonly credentials: ChannelCredentials;
  readonly headers: RequestHeaders;
  readonly sweep: Sweep;
  readonly runtime: Runtime;
}

/** Somebody who waits until calls can be made, or cannot. */
type Waiter = () => void;

/**
 * One connection to an endpoint: opened with the first call, and opened again in the background when it was lost.
 * grpc-js does the connecting; here it is followed, so that calls go elsewhere while there is no connection, the
 * provider says that it is leaving (GOAWAY, health NOT_SERVING), or nothing is heard of it.
 */
export class ClientLink implements CallOwner, Swept, AsyncDisposable {
  #channel: Channel | undefined;
  #ready = false;
  #failed = false;
  /** By the health check; true for providers that have none. */
  #serving = true;
  #health: HealthWatch | undefined;
  #connectTimer: Timer | undefined;
  #silence: Silence;
  readonly #calls = new RunningCalls<ClientCall>();
  readonly #waiters = new Set<Waiter>();
  #onDrained: (() => void) | undefined;
  #disposal: Promise<void> | undefined;

  constructor(
    private readonly address: EndpointAddress,
    readonly peer: string,
    private readonly context: LinkContext,
  ) {
    this.#silence = new Silence(context.settings);
  }

  /** False from the moment when the connection is lost, could not be opened, or the provider is leaving. */
  get available(): boolean {
    if (this.#disposal !== undefined) return false;
    return this.#ready ? this.#serving : !this.#failed;
  }

  invoke(invocation: Invocation): Promise<unknown> {
    if (this.#disposal !== undefined) return Promise.reject(this.#closed());
    if (this.#ready) return this.#call(invocation);
    return this.#connectAndCall(invocation);
  }

  /** Lets calls in flight finish, at most as long as the settings allow, then closes the connection. */
  [Symbol.asyncDispose](): Promise<void> {
    this.#disposal ??= this.#dispose();
    return this.#disposal;
  }

  onHeard(): void {
    this.#silence.heard();
  }

  onOver(call: ClientCall): void {
    this.#calls.delete(call);
    if (this.#calls.size === 0) this.#onDrained?.();
  }

  sweep(elapsedMs: number): void {
    const verdict = this.#silence.sweep(elapsedMs, this.#calls.size > 0);
    if (verdict === "ask") this.#ask();
    else if (verdict === "dead") this.#replace(`nothing was heard for ${this.context.settings.silenceMs} ms`);
  }

  async #dispose(): Promise<void> {
    const { drainMs } = this.context.settings;
    using limit = deadline(this.context.runtime.clock, drainMs, () => this.#closed());
    const drained = new Promise<void>((resolve) => {
      if (this.#calls.size === 0) resolve();
      else this.#onDrained = resolve;
    });
    await abortable(drained, limit.signal).catch(() => {});
    this.#close();
    for (const call of this.#calls) call.fail(this.#lost("the invoker was closed"));
    this.#wake();
  }

  #call(invocation: Invocation): Promise<unknown> {
    const { clock } = this.context.runtime;
    const { signal, deadlineMs } = invocation;
    if (signal?.aborted) return Promise.reject(signal.reason as Error);
    const remainingMs = deadlineMs - clock.monotonicMs();
    if (remainingMs <= 0) return Promise.reject(this.#late(invocation));
    return new Promise((resolve, reject) => {
      try {
        const call = this.#begin(invocation, remainingMs, resolve, reject);
        if (invocation.oneway) resolve(undefined);
        else this.#calls.add(call);
        this.#silence.asked();
      } catch (error) {
        reject(error as Error);
      }
    });
  }

  #begin(
    invocation: Invocation,
    remainingMs: number,
    resolve: (value: unknown) => void,
    reject: (error: unknown) => void,
  ): ClientCall {
    const { service, method, methodDefinition, args } = invocation;
    // What can fail comes before grpc-js makes a call, which nothing but its end gets rid of.
    const metadata = this.context.headers.of(invocation);
    const request = isStreamIn(methodDefinition) ? undefined : codecOf(methodDefinition).encodeRequest(args);
    const until = remainingMs === Infinity ? Infinity : Date.now() + remainingMs;
    const path = `/${service.serviceInterface}/${method}`;
    const grpcCall = this.#open().createCall(path, until, null, null, undefined);
    if (methodDefinition.kind === "unary") {
      const call = new UnaryCall(this, grpcCall, invocation, resolve, reject);
      call.begin(metadata, request as Buffer);
      return call;
    }
    const call = new StreamCall(this, grpcCall, invocation, resolve, reject);
    call.begin(metadata, request);
    return call;
  }

  /** Waits until the connection is open, or cannot be opened: then the call itself says why. */
  async #connectAndCall(invocation: Invocation): Promise<unknown> {
    const { clock } = this.context.runtime;
    const { signal, deadlineMs } = invocation;
    signal?.throwIfAborted();
    const remainingMs = deadlineMs - clock.monotonicMs();
    if (remainingMs <= 0) throw this.#late(invocation);
    this.#open();
    if (!this.#ready && !this.#failed) {
      const limitMs = Math.min(remainingMs, this.context.settings.connectTimeoutMs * 2);
      using limit = deadline(clock, limitMs, () => this.#late(invocation), signal);
      await abortable(this.#decided(), limit.signal);
    }
    if (this.#disposal !== undefined) throw this.#closed();
    return this.#call(invocation);
  }

  #decided(): Promise<void> {
    return new Promise((resolve) => this.#waiters.add(resolve));
  }

  #wake(): void {
    const waiters = [...this.#waiters];
    this.#waiters.clear();
    for (const wake of waiters) wake();
  }

  #open(): Channel {
    if (this.#channel !== undefined) return this.#channel;
    const { credentials, options, sweep } = this.context;
    const { host, port } = this.address;
    const target = host.includes(":") ? `ipv6:[${host}]:${port}` : `dns:${host}:${port}`;
    const channel = new Channel(target, credentials, options);
    this.#channel = channel;
    sweep.add(this);
    this.#follow(channel);
    return channel;
  }

  /** Follows the connection's state; asking for it makes grpc-js connect again whenever it is idle. */
  #follow(channel: Channel): void {
    if (channel !== this.#channel) return;
    const state = channel.getConnectivityState(true);
    if (state === connectivityState.SHUTDOWN) return;
    this.#onState(state, channel);
    channel.watchConnectivityState(state, Infinity, () => this.#follow(channel));
  }

  #onState(state: connectivityState, channel: Channel): void {
    const wasReady = this.#ready;
    this.#ready = state === connectivityState.READY;
    if (this.#ready) this.#onReady(channel);
    else if (wasReady) this.#onLost();
    if (state === connectivityState.TRANSIENT_FAILURE) this.#onFailure();
    if (state === connectivityState.CONNECTING || state === connectivityState.IDLE) this.#limitConnecting();
  }

  #onReady(channel: Channel): void {
    this.#stopConnectTimer();
    this.#failed = false;
    this.#serving = true;
    this.#silence.heard();
    this.#health?.stop();
    this.#health = watchHealth(channel, {
      onHeard: () => this.onHeard(),
      onServing: (serving) => {
        this.#serving = serving;
      },
    });
    this.#wake();
  }

  #onLost(): void {
    this.#failed = true;
    this.#health?.stop();
    this.#health = undefined;
    this.context.runtime.log.info({ peer: this.peer }, "triple connection lost, connecting again");
  }

  #onFailure(): void {
    this.#stopConnectTimer();
    this.#failed = true;
    this.#wake();
  }

  /** grpc-js waits for a connection as long as the machine does, which is minutes. */
  #limitConnecting(): void {
    if (this.#connectTimer !== undefined) return;
    const { settings, runtime } = this.context;
    this.#connectTimer = runtime.clock.setTimeout(
      () => {
        this.#connectTimer = undefined;
        this.#replace(`not open after ${settings.connectTimeoutMs} ms`);
      },
      settings.connectTimeoutMs,
      { background: true },
    );
  }

  #stopConnectTimer(): void {
    this.#connectTimer?.cancel();
    this.#connectTimer = undefined;
  }

  #ask(): void {
    const { silenceMs } = this.context.settings;
    if (this.#channel === undefined || !this.#ready) return;
    this.#silence.asked();
    checkHealth(this.#channel, Math.max(1, silenceMs * 0.6), () => this.onHeard());
  }

  /** Gives the connection up, fails its calls, and tries another one in the background. */
  #replace(why: string): void {
    this.context.runtime.log.warn({ peer: this.peer, why }, "triple connection given up, connecting again");
    this.#failed = true;
    this.#close();
    for (const call of this.#calls) call.fail(this.#lost(why));
    if (this.#disposal === undefined) this.#open();
    this.#wake();
  }

  #close(): void {
    this.#stopConnectTimer();
    this.context.sweep.delete(this);
    this.#ready = false;
    this.#health?.stop();
    this.#health = undefined;
    const channel = this.#channel;
    this.#channel = undefined;
    channel?.close();
    this.#silence = new Silence(this.context.settings);
  }

  #lost(why: string): RpcError {
    return new RpcError("CONNECTION_LOST", why, { peer: this.peer });
  }

  #late({ service, method, deadlineMs }: Invocation): RpcError {
    const timedOut = this.context.runtime.clock.monotonicMs() >= deadlineMs;
    const code = timedOut ? "CALL_TIMEOUT" : "CONNECT_FAILED";
    return new RpcError(code, `${service.text} ${method}: no connection in time`, {
      peer: this.peer,
      mayHaveRun: false,
    });
  }

  #closed(): RpcError {
    return new RpcError("CONNECTION_LOST", "the invoker was closed", { peer: this.peer, mayHaveRun: false });
  }
}
