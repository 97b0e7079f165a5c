import { type Environment, environmentOf } from "./environment.js";
import { parseEndpoints } from "./endpoints.js";
import { EtcdError, isEtcdError } from "./errors.js";
import { keyBytes, type KeyRange, type KeyValue, keyValue, wireRange } from "./key-value.js";
import type { EtcdTls, Stream, StreamHandler } from "./link.js";
import { type CallOptions, type ConnectionEvent, type EtcdCredentials, Session } from "./session.js";
import { operationResult, type Txn, type TxnResult, wireCompare, wireOperation } from "./txn.js";
import { type WatchHandler, WatchStreams } from "./watch-stream.js";
import { type Method, methods } from "./wire.js";

/** How to reach the servers. */
export interface EtcdOptions extends Partial<Environment> {
  /** `h1:2379,h2:2379`, or a list of such texts; `https://` in front means TLS. Port 2379 where none is given. */
  readonly endpoints: string | readonly string[];
  /** Default: TLS where the endpoints say `https`, with what Node trusts. */
  readonly tls?: EtcdTls | undefined;
  readonly credentials?: EtcdCredentials | undefined;
  /** The deadline of a call that gives none, waiting for a connection included. Default 3000 ms. */
  readonly callTimeoutMs?: number | undefined;
  /** How long a server may take to let us in. Default 3000 ms. */
  readonly connectTimeoutMs?: number | undefined;
  /** The bound of the wait between attempts to connect, five times as much after an absence of 15 s. Default 2000 ms. */
  readonly backoffCapMs?: number | undefined;
  /** The pause before an HTTP/2 ping on a silent connection. Default 10,000 ms; etcd refuses less than 5000. */
  readonly keepaliveMs?: number | undefined;
  /** How long such a ping may take. Default 3000 ms. */
  readonly keepaliveTimeoutMs?: number | undefined;
  /** Longer answers are refused; lists are then read in smaller pages. Default 64 MiB. */
  readonly maxResponseBytes?: number | undefined;
}

/** How a list is read. */
export interface ListOptions extends CallOptions {
  /** Values are left empty. Default false. */
  readonly keysOnly?: boolean | undefined;
  /** Keys in one request. Default 1000. */
  readonly pageSize?: number | undefined;
}

/** A lease as the server granted it. */
export interface Lease {
  readonly id: bigint;
  /** The server may give more than was asked for. */
  readonly ttlSeconds: number;
}

/** What is left of a lease. */
export interface LeaseInfo {
  /** -1: there is no such lease. */
  readonly ttlSeconds: number;
  readonly grantedTtlSeconds: number;
  readonly keys: readonly string[];
}

/**
 * Begins to connect and gives the client at once; calls wait for the connection, each for its own time at most.
 * @throws {EtcdError} ADDRESS_INVALID.
 */
export function openEtcd(options: EtcdOptions): EtcdClient {
  return new EtcdClient(options);
}

/**
 * As {@link openEtcd}, but gives a client that is connected and authenticated.
 * @throws {EtcdError} NOT_ETCD, SERVER_TOO_OLD, TLS_FAILED, AUTH_FAILED, ADDRESS_INVALID. It goes on trying until
 *   `signal` aborts and then rejects with the signal's reason; the client is closed.
 */
export async function connectEtcd(options: EtcdOptions, signal: AbortSignal): Promise<EtcdClient> {
  const client = new EtcdClient(options);
  try {
    await client.ready(signal);
    return client;
  } catch (error) {
    await client.close();
    throw error;
  }
}

/** A longer wait cannot be given to a timer. */
const foreverMs = 0x7fff_ffff;

/**
 * A client of etcd 3.3 or later. Keys are UTF-8 text, revisions and leases are bigint. Every call rejects with an
 * {@link EtcdError} by its deadline, or with its signal's reason. Reads are linearizable; they are sent again after a break,
 * writes are not: they fail with UNAVAILABLE, since they may have been done.
 */
export class EtcdClient implements AsyncDisposable {
  /** The parts of the environment that helpers share with the client. */
  readonly environment: Environment;
  /** The deadline of a call that gives none. */
  readonly callTimeoutMs: number;
  readonly #session: Session;
  readonly #watches: WatchStreams;

  constructor(options: EtcdOptions) {
    const { endpoints, tls } = parseEndpoints(options.endpoints);
    this.environment = environmentOf(options);
    this.callTimeoutMs = options.callTimeoutMs ?? 3_000;
    const settings = {
      endpoints,
      tls: options.tls ?? (tls ? {} : undefined),
      credentials: options.credentials,
      callTimeoutMs: this.callTimeoutMs,
      connectTimeoutMs: options.connectTimeoutMs ?? 3_000,
      backoffCapMs: options.backoffCapMs ?? 2_000,
      keepaliveMs: options.keepaliveMs ?? 10_000,
      keepaliveTimeoutMs: options.keepaliveTimeoutMs ?? 3_000,
      maxResponseBytes: options.maxResponseBytes ?? 64 * 1024 * 1024,
    };
    this.#session = new Session(settings, this.environment);
    this.#watches = new WatchStreams(this.#session);
  }

  /** True while there is a connection to a server. */
  get connected(): boolean {
    return this.#session.link !== undefined;
  }

  /** Monotonic time of the latest connection but the first; undefined: there was none. */
  get reconnectedMs(): number | undefined {
    return this.#session.reconnectedMs;
  }

  /** Why there is no connection at present. */
  get failure(): EtcdError | undefined {
    return this.#session.failure;
  }

  /** Tells of connections until the function that it gives back is called. */
  listen(listener: (event: ConnectionEvent) => void): () => void {
    return this.#session.listen(listener);
  }

  /** Resolves when a server has let us in. Rejects with what does not pass by itself, or the signal's reason. */
  async ready(signal: AbortSignal): Promise<void> {
    await this.status({ signal, timeoutMs: foreverMs });
  }

  /** The version of the server that is connected: `3.4.23`. */
  async status(options: CallOptions = {}): Promise<{ readonly version: string; readonly memberId: bigint }> {
    const { version, header } = await this.#session.call(methods.status, {}, { ...options, reads: true });
    return { version, memberId: header.memberId };
  }

  /** Undefined: there is no such key. */
  async get(key: string, options: CallOptions = {}): Promise<KeyValue | undefined> {
    const request = wireRange({ key });
    const { kvs } = await this.#session.call(methods.range, request, { ...options, reads: true });
    return kvs[0] === undefined ? undefined : keyValue(kvs[0]);
  }

  /** All keys of a range as they were at one revision, in the order of their bytes, however many they are. */
  async list(
    range: KeyRange,
    { keysOnly = false, pageSize = 1_000, ...options }: ListOptions = {},
  ): Promise<{ readonly entries: readonly KeyValue[]; readonly revision: bigint }> {
    const entries: KeyValue[] = [];
    const { rangeEnd, key } = wireRange(range);
    let [from, limit, revision] = [key, pageSize, 0n];
    for (;;) {
      const request = { key: from, keysOnly, limit: BigInt(limit), revision, ...(rangeEnd && { rangeEnd }) };
      try {
        const page = await this.#session.call(methods.range, request, { ...options, reads: true });
        revision ||= page.header.revision;
        for (const one of page.kvs) entries.push(keyValue(one));
        const last = page.kvs.at(-1);
        if (!page.more || last === undefined) return { entries, revision };
        from = Buffer.concat([last.key, Buffer.of(0)]);
      } catch (error) {
        if (!isEtcdError(error, "TOO_LARGE") || limit === 1) throw error;
        limit = Math.max(1, Math.floor(limit / 8));
      }
    }
  }

  /** Gives the revision of this writing. Fails with LEASE_NOT_FOUND. */
  async put(
    key: string,
    value: string | Uint8Array,
    { lease = 0n, ...options }: CallOptions & { readonly lease?: bigint } = {},
  ): Promise<bigint> {
    const request = { key: keyBytes(key), value: Buffer.from(value), lease };
    return (await this.#session.call(methods.put, request, options)).header.revision;
  }

  /** How many keys there were. */
  async delete(range: KeyRange, options: CallOptions = {}): Promise<number> {
    const { deleted } = await this.#session.call(methods.deleteRange, wireRange(range), options);
    return Number(deleted);
  }

  /** One of two branches as a whole, or, when it fails, none of it. */
  async txn({ compare, success, failure = [] }: Txn, options: CallOptions = {}): Promise<TxnResult> {
    const request = {
      compare: compare.map(wireCompare),
      success: success.map(wireOperation),
      failure: failure.map(wireOperation),
    };
    const { succeeded, header, responses } = await this.#session.call(methods.txn, request, options);
    return { succeeded, revision: header.revision, results: responses.map(operationResult) };
  }

  /** Forgets what was before `revision`. */
  async compact(revision: bigint, options: CallOptions = {}): Promise<void> {
    await this.#session.call(methods.compact, { revision, physical: false }, options);
  }

  async grantLease(ttlSeconds: number, options: CallOptions = {}): Promise<Lease> {
    const { ID, TTL } = await this.#session.call(methods.leaseGrant, { TTL: BigInt(ttlSeconds) }, options);
    if (TTL <= 0n) throw new EtcdError("SERVER_ERROR", `the server grants a lease of ${TTL} s`);
    return { id: ID, ttlSeconds: Number(TTL) };
  }

  /** Removes all its keys, too. Fails with LEASE_NOT_FOUND. */
  async revokeLease(id: bigint, options: CallOptions = {}): Promise<void> {
    await this.#session.call(methods.leaseRevoke, { ID: id }, options);
  }

  async leaseInfo(id: bigint, options: CallOptions = {}): Promise<LeaseInfo> {
    const request = { ID: id, keys: true };
    const answer = await this.#session.call(methods.leaseTimeToLive, request, { ...options, reads: true });
    return {
      ttlSeconds: Number(answer.TTL),
      grantedTtlSeconds: Number(answer.grantedTTL),
      keys: answer.keys.map((key) => key.toString("utf8")),
    };
  }

  /**
   * Watches a range from revision `from` on, on the present connection: when that breaks the handler is told, and has to
   * begin anew. `watchKeys` does all that. Gives back what stops it.
   */
  watch(range: KeyRange, from: bigint, handler: WatchHandler): () => void {
    return this.#watches.watch(wireRange(range), from, handler);
  }

  /** For helpers of this package: a stream on the present connection; undefined: there is none. */
  stream<Request, Response>(
    method: Method<Request, Response>,
    handler: StreamHandler<Response>,
  ): Stream<Request> | undefined {
    return this.#session.stream(method, handler);
  }

  /** For helpers of this package: gives the connection of `stream` up when nothing came over it since `sinceMs`. */
  suspect(stream: Stream<never>, sinceMs: number): void {
    this.#session.suspect(stream.link, sinceMs);
  }

  /** Ends everything at once; leases live on at the server until their time is over. */
  close(): Promise<void> {
    return this.#session.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

/** The error of what is used after its end. */
export function closedError(what: string): EtcdError {
  return new EtcdError("CLOSED", `${what} was given up`);
}
