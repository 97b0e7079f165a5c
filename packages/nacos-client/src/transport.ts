import {
  Client,
  type ClientDuplexStream,
  type ClientUnaryCall,
  type ServiceError,
  status,
} from "@grpc/grpc-js";
import type { Body } from "./body.js";
import { NacosError, plainReason } from "./nacos-error.js";
import type { ServerAddress, Settings } from "./options.js";
import { channelCredentials } from "./tls.js";
import { nacosService, noMetadata, type Payload } from "./wire.js";

/** How a unary request is made. */
export interface CallOptions {
  readonly signal?: AbortSignal;
  /** Default: that of the settings. */
  readonly timeoutMs?: number;
  /** What goes into the envelope. Default nothing. */
  readonly headers?: Readonly<Record<string, string>>;
}

/** Both ways, as the client sees it. */
export type PayloadStream = ClientDuplexStream<Payload, Payload>;

/** 10 MiB, the limit of the server too: registries A1.9. */
const messageLimit = 10 * 1024 * 1024;

/**
 * gRPC on one HTTP/2 transport: a channel of its own, shared by the stream and the requests, without retries and
 * without HTTP/2 pings, for which servers cut connections (registries A1.9).
 */
export class Transport {
  readonly #client: Client;
  readonly #calls = new Set<ClientUnaryCall>();
  #stream: PayloadStream | undefined;
  #requests = 0;

  constructor(
    readonly server: ServerAddress,
    private readonly settings: Settings,
  ) {
    this.#client = new Client(`${server.host}:${server.grpcPort}`, channelCredentials(settings.tls), {
      "grpc.use_local_subchannel_pool": 1, // else two clients share a transport and are one to the server (G1)
      "grpc.max_receive_message_length": messageLimit,
      "grpc.max_send_message_length": messageLimit,
      "grpc.enable_retries": 0,
      "grpc.enable_http_proxy": 0,
      "grpc.service_config_disable_resolution": 1,
      // A subchannel that is closed while it waits to reconnect would connect once more, for nobody (grpc-js 1.14).
      "grpc.initial_reconnect_backoff_ms": 1,
      "grpc.max_reconnect_backoff_ms": 1,
      ...(settings.tls?.serverName !== undefined && {
        "grpc.ssl_target_name_override": settings.tls.serverName,
      }),
    });
  }

  /** Opens the stream; once. */
  openStream(): PayloadStream {
    const { path, requestSerialize, responseDeserialize } = nacosService.stream;
    this.#stream = this.#client.makeBidiStreamRequest(
      path,
      requestSerialize,
      responseDeserialize,
      noMetadata,
    );
    return this.#stream;
  }

  /**
   * One try.
   * @throws {NacosError} UNAVAILABLE, TIMEOUT, NOT_NACOS, INVALID (too large). @throws `signal.reason` when that aborts.
   */
  call(type: string, body: Body, options: CallOptions = {}): Promise<Payload> {
    const { headers = {}, timeoutMs = this.settings.requestTimeoutMs, signal } = options;
    const { path, requestSerialize, responseDeserialize } = nacosService.request;
    const request = { type, headers, body: { requestId: String(++this.#requests), headers: {}, ...body } };
    return new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason);
      const giveUp = (error: unknown) => {
        reject(error);
        call.cancel();
      };
      const onAbort = () => giveUp(signal?.reason);
      const onTimeout = () => giveUp(noAnswer(this.server, type, timeoutMs));
      const timer = this.settings.environment.clock.setTimeout(onTimeout, timeoutMs);
      const onAnswer = (error: ServiceError | null, answer?: Payload) => {
        timer.cancel();
        this.#calls.delete(call);
        signal?.removeEventListener("abort", onAbort);
        if (error === null && answer !== undefined) resolve(answer);
        else reject(brokenCall(this.server, error));
      };
      const send = () =>
        this.#client.makeUnaryRequest<Payload, Payload>(
          path,
          requestSerialize,
          responseDeserialize,
          request,
          noMetadata,
          {},
          onAnswer,
        );
      let call: ClientUnaryCall;
      try {
        call = send();
      } catch (cause) {
        // It was closed. The timer would look for a call that there is not.
        timer.cancel();
        const text = `${this.server.name}: the connection is closed`;
        return reject(new NacosError("UNAVAILABLE", text, { cause }));
      }
      this.#calls.add(call);
      signal?.addEventListener("abort", onAbort, { once: true });
    });
  }

  /** Ends the calls, the stream and the sockets. */
  close(): void {
    for (const call of this.#calls) call.cancel();
    this.#stream?.cancel();
    this.#client.close();
  }
}

function noAnswer({ name }: ServerAddress, type: string, timeoutMs: number): NacosError {
  return new NacosError("TIMEOUT", `${name} did not answer ${type} within ${timeoutMs} ms`);
}

function brokenCall({ name }: ServerAddress, cause: ServiceError | null): NacosError {
  const text = `${name}: ${cause === null ? "an answer without content" : plainReason(cause.message)}`;
  const isTooLarge = cause?.code === status.RESOURCE_EXHAUSTED && /larger than/i.test(cause.message);
  if (isTooLarge) return new NacosError("INVALID", text, { cause });
  const isForeign = cause?.code === status.UNIMPLEMENTED || /protocol error|parse error/i.test(text);
  return new NacosError(isForeign ? "NOT_NACOS" : "UNAVAILABLE", text, { cause });
}
