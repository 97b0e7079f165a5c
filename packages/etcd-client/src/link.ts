import {
  Client,
  type ClientUnaryCall,
  type ChannelCredentials,
  connectivityState,
  credentials,
  Metadata,
  type ServiceError,
} from "@grpc/grpc-js";
import type { Environment } from "./environment.js";
import { type Endpoint, endpointText } from "./endpoints.js";
import { callError, EtcdError } from "./errors.js";
import type { Method } from "./wire.js";

/** PEM texts for TLS. */
export interface EtcdTls {
  /** Whom to trust. Default: what Node trusts. */
  readonly ca?: string | Buffer | undefined;
  /** Who we are, with `key`. */
  readonly cert?: string | Buffer | undefined;
  readonly key?: string | Buffer | undefined;
  /** The name that the server's certificate has to show. Default: the host of the endpoint. */
  readonly serverName?: string | undefined;
}

/** How a link is made. */
export interface LinkSettings {
  readonly tls: EtcdTls | undefined;
  /** HTTP/2 pings while a stream is open; etcd refuses those that come more often than every 5 s (registries C2). */
  readonly keepaliveMs: number;
  readonly keepaliveTimeoutMs: number;
  readonly maxResponseBytes: number;
}

/** One call on a link. */
export interface UnaryOptions {
  readonly signal: AbortSignal;
  readonly token: string | undefined;
}

/** Both ways: what a watch or a keep-alive travels on. */
export interface Stream<Request> {
  readonly link: Link;
  /** With which it was opened. */
  readonly token: string | undefined;
  write(request: Request): void;
  /** No more is told of it. */
  end(): void;
}

/** Who is told of a {@link Stream}. */
export interface StreamHandler<Response> {
  onMessage(response: Response): void;
  /** Once, but not after {@link Stream.end}. */
  onEnd(error: EtcdError): void;
}

/**
 * gRPC to one server on one HTTP/2 connection of its own. When that ends, the link has ended: gRPC must not go on by
 * itself, since what is watched and kept alive has to know.
 */
export class Link {
  readonly endpoint: string;
  readonly #client: Client;
  readonly #calls = new Set<ClientUnaryCall>();
  readonly #streams = new Set<(error: EtcdError) => void>();
  readonly #environment: Environment;
  #ended: EtcdError | undefined;
  #heardMs: number;
  #onEnd: ((error: EtcdError) => void) | undefined;

  constructor(endpoint: Endpoint, settings: LinkSettings, environment: Environment) {
    this.endpoint = endpointText(endpoint);
    this.#environment = environment;
    this.#heardMs = environment.clock.monotonicMs();
    this.#client = new Client(this.endpoint, channelCredentials(settings.tls), {
      "grpc.keepalive_time_ms": settings.keepaliveMs,
      "grpc.keepalive_timeout_ms": settings.keepaliveTimeoutMs,
      "grpc.keepalive_permit_without_calls": 0,
      // A subchannel that is closed while it waits to reconnect would connect once more, for nobody (grpc-js 1.14).
      "grpc.initial_reconnect_backoff_ms": 1,
      "grpc.max_reconnect_backoff_ms": 1,
      "grpc.max_receive_message_length": settings.maxResponseBytes,
      "grpc.max_send_message_length": -1, // the server knows its limit and says so
      "grpc.use_local_subchannel_pool": 1, // else clients of one program would share a connection
      "grpc.enable_retries": 0,
      "grpc.enable_http_proxy": 0,
      "grpc.service_config_disable_resolution": 1,
      "grpc.client_idle_timeout_ms": 0x7fff_ffff,
      ...(settings.tls?.serverName === undefined
        ? {}
        : { "grpc.ssl_target_name_override": settings.tls.serverName }),
    });
  }

  /** Why it has ended. */
  get ended(): EtcdError | undefined {
    return this.#ended;
  }

  /** Monotonic time of the latest answer. */
  get heardMs(): number {
    return this.#heardMs;
  }

  /** To be called once, after the first answer: from then on the end of the connection is the end of the link. */
  watchConnection(onEnd: (error: EtcdError) => void): void {
    this.#onEnd = onEnd;
    const channel = this.#client.getChannel();
    const look = () => {
      if (this.#ended !== undefined) return;
      const state = channel.getConnectivityState(false);
      if (state !== connectivityState.READY) return this.end(this.#broken());
      channel.watchConnectivityState(state, Infinity, look);
    };
    look();
  }

  /** Rejects with an {@link EtcdError}, or with the signal's reason. */
  unary<Request, Response>(
    { path, encode, decode, lacks }: Method<Request, Response>,
    request: Request,
    { signal, token }: UnaryOptions,
  ): Promise<Response> {
    return new Promise((resolve, reject) => {
      if (signal.aborted) return reject(signal.reason);
      if (this.#ended !== undefined) return reject(this.#ended);
      const onAbort = () => {
        reject(signal.reason);
        call.cancel();
      };
      const onAnswer = (error: ServiceError | null, answer?: Response) => {
        this.#calls.delete(call);
        signal.removeEventListener("abort", onAbort);
        if (error === null && answer !== undefined) {
          this.#heard();
          const lacking = lacks(answer);
          return lacking === undefined ? resolve(answer) : reject(this.#incomplete(lacking));
        }
        reject(this.#ended ?? this.#failure(error));
      };
      const call = this.#client.makeUnaryRequest(path, encode, decode, request, headers(token), {}, onAnswer);
      this.#calls.add(call);
      signal.addEventListener("abort", onAbort, { once: true });
    });
  }

  /** Streams ask for a leader: a server that has lost the others then ends them instead of being silent. */
  stream<Request, Response>(
    { path, encode, decode, lacks }: Method<Request, Response>,
    token: string | undefined,
    handler: StreamHandler<Response>,
  ): Stream<Request> {
    const metadata = headers(token);
    metadata.set("hasleader", "true");
    const call = this.#client.makeBidiStreamRequest(path, encode, decode, metadata);
    let open = true;
    const finish = (error: EtcdError) => {
      if (!open) return;
      close();
      handler.onEnd(error);
    };
    const close = () => {
      open = false;
      this.#streams.delete(finish);
      call.cancel();
    };
    this.#streams.add(finish);
    call.on("data", (response: Response) => {
      this.#heard();
      const lacking = lacks(response);
      if (lacking !== undefined) finish(this.#incomplete(lacking));
      else if (open) handler.onMessage(response);
    });
    call.on("error", (error: ServiceError) => finish(this.#ended ?? this.#failure(error)));
    call.on("end", () =>
      finish(this.#ended ?? new EtcdError("UNAVAILABLE", `${this.endpoint}: a stream ended`)),
    );
    return {
      link: this,
      token,
      write: (request) => {
        if (open) call.write(request);
      },
      end: () => {
        if (open) close();
      },
    };
  }

  /** Ends what is under way with `error`, and closes the connection. A second time does nothing. */
  end(error: EtcdError): void {
    if (this.#ended !== undefined) return;
    this.#ended = error;
    this.#onEnd?.(error);
    for (const finish of this.#streams) finish(error);
    for (const call of this.#calls) call.cancel();
    this.#client.close();
  }

  #heard(): void {
    this.#heardMs = this.#environment.clock.monotonicMs();
  }

  #failure(cause: ServiceError | null): EtcdError {
    // A server that refuses answers too.
    if (cause !== null && cause.metadata?.get("content-type").length > 0) this.#heard();
    if (cause === null) return new EtcdError("SERVER_ERROR", `${this.endpoint}: an answer without content`);
    const error = callError(this.endpoint, cause);
    // Cut off from the others it cannot serve us, though it answers: another endpoint may.
    if (/no leader/.test(error.message)) this.end(error);
    return error;
  }

  #incomplete(lacking: string): EtcdError {
    return new EtcdError("NOT_ETCD", `${this.endpoint} is no etcd server: an answer without ${lacking}`);
  }

  #broken(): EtcdError {
    return new EtcdError("UNAVAILABLE", `${this.endpoint}: the connection is lost`);
  }
}

function headers(token: string | undefined): Metadata {
  const metadata = new Metadata();
  if (token !== undefined) metadata.set("token", token);
  return metadata;
}

function channelCredentials(tls: EtcdTls | undefined): ChannelCredentials {
  if (tls === undefined) return credentials.createInsecure();
  const bytes = (pem: string | Buffer | undefined) => (pem === undefined ? null : Buffer.from(pem));
  return credentials.createSsl(bytes(tls.ca), bytes(tls.key), bytes(tls.cert));
}
