import type { Socket } from "node:net";
import { asBody, type Message } from "./messages.js";
import { nacosService, type Payload } from "@dubbo-ts/nacos-client";
import {
  type sendUnaryData,
  Server,
  ServerCredentials,
  type ServerDuplexStream,
  type ServerUnaryCall,
} from "@grpc/grpc-js";
import type { Clock } from "@dubbo-ts/core";
import type { Connection } from "./connection.js";
import type { Faults } from "./faults.js";
import type { RequestBroker } from "./request-broker.js";

/** Both sides' limit (registries A1.9). */
const maxMessageBytes = 10 * 1024 * 1024;

/** The HTTP/2 side: turns calls into questions to the broker. */
export class GrpcEndpoint implements Disposable {
  readonly #server = new Server({
    "grpc.max_receive_message_length": maxMessageBytes,
    "grpc.max_send_message_length": maxMessageBytes,
    "grpc.enable_channelz": 0,
  });
  readonly #injector = this.#server.createConnectionInjector(ServerCredentials.createInsecure());
  readonly #broker: RequestBroker;
  readonly #faults: Faults;
  readonly #clock: Clock;

  constructor(broker: RequestBroker, faults: Faults, clock: Clock) {
    this.#broker = broker;
    this.#faults = faults;
    this.#clock = clock;
    this.#server.addService(nacosService, {
      request: (call: ServerUnaryCall<Payload, Payload>, done: sendUnaryData<Payload>) =>
        void this.#unary(call, done),
      stream: (call: ServerDuplexStream<Payload, Payload>) => this.#stream(call),
    });
  }

  /** Serves a socket that was accepted elsewhere. */
  inject(socket: Socket): void {
    this.#injector.injectConnection(socket);
  }

  [Symbol.dispose](): void {
    this.#injector.destroy();
    this.#server.forceShutdown();
  }

  async #unary(call: ServerUnaryCall<Payload, Payload>, done: sendUnaryData<Payload>): Promise<void> {
    const answer = await this.#broker.answer(call.getPeer(), call.request);
    const delayMs = this.#faults.answerDelayMs ?? 0;
    if (delayMs > 0)
      await new Promise<void>((resolve) => {
        this.#clock.setTimeout(resolve, delayMs, { background: true });
      });
    done(null, payloadOf(answer));
  }

  #stream(call: ServerDuplexStream<Payload, Payload>): void {
    let connection: Connection | undefined;
    const stream = {
      write: (message: Message) => void call.write(payloadOf(message)),
      end: () => void call.end(),
    };
    call.on("data", ({ type, body }: Payload) => {
      if (type === "ConnectionSetupRequest")
        connection = this.#broker.setUp(call.getPeer(), asBody(body) ?? {}, stream);
      else connection?.receive(type, body ?? {});
    });
    for (const event of ["end", "cancelled", "error"]) call.on(event, () => connection?.close());
  }
}

function payloadOf({ type, body }: Message): Payload {
  return { type, headers: {}, body };
}
