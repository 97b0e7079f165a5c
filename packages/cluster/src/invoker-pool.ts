import { type Endpoint, RpcError, type Runtime } from "@dubbo-ts/core";
import type { Invocation, ProtocolInvoker } from "@dubbo-ts/rpc";
import type { Candidate } from "./candidate.js";
import { CandidateLists } from "./candidate-lists.js";
import { Health } from "./health.js";
import { OpeningPace } from "./opening-pace.js";

/** What {@link createInvokerPool} needs. */
export interface InvokerPoolOptions {
  /** Opens what calls go through: `Protocol.refer` of the endpoint's protocol. Called with the first call only. */
  readonly refer: (endpoint: Endpoint) => ProtocolInvoker;
  readonly runtime: Pick<Runtime, "clock" | "log">;
}

/**
 * The connections of an application, shared by all its references: one {@link ProtocolInvoker} for each endpoint
 * key, opened by the first call, disposed when the last directory lets go of it.
 */
export interface InvokerPool extends AsyncDisposable {
  /** Takes a share of the endpoint's connection: to be given back by {@link release}. Opens nothing. */
  acquire(endpoint: Endpoint): Candidate;
  /** Gives the share back. Resolves when the connection has drained, at once if others still use it. */
  release(candidate: Candidate): Promise<void>;
  /**
   * Takes shares of a whole list, one for each key: to be given back by {@link releaseAll}. The same list gives
   * the same array.
   * @param before what the caller holds of an earlier list: a list that differs little from it costs little.
   */
  acquireAll(endpoints: readonly Endpoint[], before?: readonly Candidate[]): readonly Candidate[];
  /** Gives back what {@link acquireAll} gave. Resolves when what nobody needs any more has drained; undefined: nothing has to. */
  releaseAll(candidates: readonly Candidate[]): Promise<unknown> | undefined;
  /** True when there is a connection to this address, and nothing is wrong with it. */
  isConnected(key: string): boolean;
  /** How many endpoint keys are in use, and how many of them were opened. */
  readonly size: { readonly endpoints: number; readonly opened: number };
}

/** One endpoint key: the connection, and what its calls tell of it. */
class PooledConnection {
  users = 0;
  active = 0;
  readonly #key: string;
  readonly #options: InvokerPoolOptions;
  readonly #pace: OpeningPace;
  /** Made by the first call: there may be thousands that get none. */
  #health: Health | undefined;
  #invoker: ProtocolInvoker | undefined;
  #draining: Promise<void> | undefined;

  constructor(key: string, options: InvokerPoolOptions, pace: OpeningPace) {
    this.#key = key;
    this.#options = options;
    this.#pace = pace;
  }

  /** Undefined: nothing was called there yet. */
  get health(): Health | undefined {
    return this.#health;
  }

  get opened(): boolean {
    return this.#invoker !== undefined;
  }

  get connectable(): boolean {
    if (this.#draining !== undefined) return false;
    return this.#invoker === undefined ? this.#pace.allows() : this.#invoker.available;
  }

  async invoke(endpoint: Endpoint, invocation: Invocation): Promise<unknown> {
    if (this.#draining !== undefined)
      throw new RpcError("PROVIDER_CLOSING", "the endpoint is not in use any more", {
        peer: this.#key,
        mayHaveRun: false,
      });
    const health = (this.#health ??= new Health(this.#options.runtime.clock));
    const kind = health.started();
    this.active += 1;
    try {
      const result = await this.#open(endpoint).invoke(invocation);
      if (invocation.oneway) health.ended(kind);
      else health.succeeded();
      return result;
    } catch (error) {
      health.failed(kind, error);
      throw error;
    } finally {
      this.active -= 1;
    }
  }

  /** Calls in flight finish; later ones are refused. */
  drain(): Promise<void> {
    this.#draining ??= this.#invoker === undefined ? Promise.resolve() : this.#dispose(this.#invoker);
    return this.#draining;
  }

  #open(endpoint: Endpoint): ProtocolInvoker {
    if (this.#invoker === undefined) {
      this.#invoker = this.#options.refer(endpoint);
      this.#pace.opened();
    }
    return this.#invoker;
  }

  async #dispose(invoker: ProtocolInvoker): Promise<void> {
    await invoker[Symbol.asyncDispose]();
  }
}

/** An endpoint as one or more services see it: equal fields are one object, so an (interface, endpoint) pair costs a pointer. */
class PooledInvoker implements Candidate {
  users = 0;

  constructor(
    readonly endpoint: Endpoint,
    readonly connection: PooledConnection,
  ) {}

  get available(): boolean {
    return this.connection.connectable && this.connection.health?.ejected !== true;
  }

  get ejected(): boolean {
    const { connectable, health } = this.connection;
    return connectable && health !== undefined && !health.down && health.ejected;
  }

  get active(): number {
    return this.connection.active;
  }

  invoke(invocation: Invocation): Promise<unknown> {
    return this.connection.invoke(this.endpoint, invocation);
  }
}

class SharedInvokerPool implements InvokerPool {
  readonly #options: InvokerPoolOptions;
  readonly #pace: OpeningPace;
  readonly #connections = new Map<string, PooledConnection>();
  readonly #invokers = new Map<Endpoint, PooledInvoker>();
  readonly #lists = new CandidateLists({
    acquire: (endpoint) => this.acquire(endpoint),
    share: (candidate) => void ((candidate as PooledInvoker).users += 1),
    release: (candidate) => this.#release(candidate),
    holds: (key) => this.#connections.has(key),
  });
  readonly #draining = new Set<Promise<void>>();

  constructor(options: InvokerPoolOptions) {
    this.#options = options;
    this.#pace = new OpeningPace(options.runtime.clock);
  }

  get size(): { endpoints: number; opened: number } {
    let opened = 0;
    for (const connection of this.#connections.values()) if (connection.opened) opened += 1;
    return { endpoints: this.#connections.size, opened };
  }

  acquire(endpoint: Endpoint): Candidate {
    let invoker = this.#invokers.get(endpoint);
    if (invoker === undefined) {
      invoker = new PooledInvoker(endpoint, this.#connection(endpoint.key));
      invoker.connection.users += 1;
      this.#invokers.set(endpoint, invoker);
    }
    invoker.users += 1;
    return invoker;
  }

  async release(candidate: Candidate): Promise<void> {
    if (this.#invokers.get(candidate.endpoint) === candidate) await this.#release(candidate);
  }

  #release(candidate: Candidate): Promise<void> | undefined {
    const invoker = candidate as PooledInvoker;
    invoker.users -= 1;
    if (invoker.users > 0 || this.#invokers.get(invoker.endpoint) !== invoker) return undefined;
    this.#invokers.delete(invoker.endpoint);
    invoker.connection.users -= 1;
    if (invoker.connection.users > 0) return undefined;
    this.#connections.delete(invoker.endpoint.key);
    return this.#drain(invoker.connection);
  }

  acquireAll(endpoints: readonly Endpoint[], before: readonly Candidate[] = []): readonly Candidate[] {
    return this.#lists.acquire(endpoints, before);
  }

  releaseAll(candidates: readonly Candidate[]): Promise<unknown> | undefined {
    return this.#lists.release(candidates);
  }

  isConnected(key: string): boolean {
    const connection = this.#connections.get(key);
    return connection?.opened === true && connection.connectable && connection.health?.down !== true;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const connection of this.#connections.values()) void this.#drain(connection);
    this.#connections.clear();
    this.#invokers.clear();
    await Promise.all(this.#draining);
  }

  #connection(key: string): PooledConnection {
    let connection = this.#connections.get(key);
    if (connection === undefined) {
      connection = new PooledConnection(key, this.#options, this.#pace);
      this.#connections.set(key, connection);
    }
    return connection;
  }

  /** Never rejects: that a connection could not be closed is of no use to who removed a provider. */
  #drain(connection: PooledConnection): Promise<void> {
    const drained = connection.drain().catch((error: unknown) => {
      this.#options.runtime.log.warn({ error }, "a connection could not be closed");
    });
    this.#draining.add(drained);
    return drained.finally(() => this.#draining.delete(drained));
  }
}

/** Makes an {@link InvokerPool}; one for each application. */
export function createInvokerPool(options: InvokerPoolOptions): InvokerPool {
  return new SharedInvokerPool(options);
}
