import type { Logger } from "@dubbo-ts/core";
import type { Payload } from "@dubbo-ts/nacos-client";
import { Connection, type ConnectionContext, type PushStream } from "./connection.js";
import {
  asBody,
  type Body,
  errorResponse,
  HandlerError,
  type Message,
  refusalWithCode,
  success,
  textOf,
} from "./messages.js";
import type { Handler } from "./naming-handlers.js";

/** What the broker needs of its server. */
export interface BrokerContext extends ConnectionContext {
  readonly log: Logger;
  /** The id of the transport of a peer, `ip:port`. */
  idOf(peer: string): string;
}

/** Keeps the clients that are set up, and answers requests in the order of checks of `GrpcRequestAcceptor`. */
export class RequestBroker {
  readonly #connections = new Map<string, Connection>();
  readonly #handlers: ReadonlyMap<string, Handler>;
  readonly #context: BrokerContext;

  constructor(handlers: Readonly<Record<string, Handler>>, context: BrokerContext) {
    this.#handlers = new Map(
      Object.entries({ ...handlers, HealthCheckRequest: () => success("HealthCheckRequest") }),
    );
    this.#context = context;
  }

  /** All clients that are set up. */
  get connections(): readonly Connection[] {
    return [...this.#connections.values()];
  }

  /** The answer to a unary request from `peer`, `ip:port`. Never rejects. */
  async answer(peer: string, { type, body }: Payload): Promise<Message> {
    const { faults } = this.#context;
    const refused = faults.refuse?.[type] ?? faults.refuse?.["*"];
    if (refused !== undefined) return refusalWithCode(type, refused);
    if (type === "ServerCheckRequest") return this.#checked(peer);
    const handler = this.#handlers.get(type);
    if (handler === undefined) return errorResponse(302);
    const connection = this.#connections.get(peer);
    if (connection === undefined) return errorResponse(301);
    connection.touch();
    if (body === undefined) return errorResponse(502);
    try {
      return await handler(body, connection);
    } catch (error) {
      if (error instanceof HandlerError) return errorResponse(error.code, error.message);
      this.#context.log.error({ err: error, type }, "the embedded registry failed to answer");
      return errorResponse(500, String(error));
    }
  }

  /**
   * Sets a client up: the first message of its stream. A second stream of the same transport takes the place of
   * the first. Undefined when the server refuses, and ended the stream, as one that is starting does.
   */
  setUp(peer: string, body: Body, stream: PushStream): Connection | undefined {
    const { faults } = this.#context;
    if ((faults.refuse?.["ConnectionSetupRequest"] ?? faults.refuse?.["*"]) !== undefined) {
      stream.end();
      return undefined;
    }
    this.#connections.get(peer)?.close();
    const labels = asBody(body["labels"]) ?? {};
    const texts = Object.fromEntries(Object.keys(labels).map((key) => [key, textOf(labels, key) ?? ""]));
    const connection = new Connection(this.#context.idOf(peer), texts, stream, this.#context);
    this.#connections.set(peer, connection);
    connection.onClose(() => {
      if (this.#connections.get(peer) === connection) this.#connections.delete(peer);
    });
    // No abilities in the set-up, no SetupAck: the client did not ask (registries A1.4).
    if (asBody(body["abilityTable"]) !== undefined && faults.oldServer !== true)
      connection.send("SetupAckRequest", {
        headers: {},
        abilityTable: { supportPersistentInstanceByGrpc: true },
        module: "internal",
      });
    return connection;
  }

  /** The transport of `peer` ended. */
  ended(peer: string): void {
    this.#connections.get(peer)?.close();
  }

  #checked(peer: string): Message {
    const abilities = this.#context.faults.oldServer === true ? {} : { supportAbilityNegotiation: true };
    return success("ServerCheckRequest", { connectionId: this.#context.idOf(peer), ...abilities });
  }
}
