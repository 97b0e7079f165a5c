import { type Clock, type Logger, RpcError } from "@dubbo-ts/core";
import {
  asCallError,
  type FoundMethod,
  findMethod,
  type Invocation,
  methodNotFound,
  type ServedService,
} from "@dubbo-ts/rpc";
import type { Metadata } from "@grpc/grpc-js";
import { readAttachments } from "./attachment-headers.js";
import type { ServiceTable } from "./service-table.js";

/** What all calls of a port share. */
export interface ServeContext {
  readonly services: ServiceTable;
  readonly clock: Clock;
  readonly log: Logger;
  /** Counts calls that are running: 1 when one begins, -1 when it is over. */
  onCalls(change: 1 | -1): void;
}

/** A call as it came in, before its arguments were read. */
export interface IncomingCall {
  readonly metadata: Metadata;
  getDeadline(): Date | number;
  getPeer(): string;
}

/** The service and the method that a path and headers mean. */
export interface Target {
  readonly service: ServedService;
  readonly found: FoundMethod;
}

/** @throws {RpcError} SERVICE_NOT_FOUND, METHOD_NOT_FOUND: the message names what is offered. */
export function targetOf(
  services: ServiceTable,
  serviceInterface: string,
  method: string,
  header: (name: string) => string,
): Target {
  const group = header("tri-service-group") || header("rest-service-group");
  const version = header("tri-service-version") || header("rest-service-version");
  const service = services.route(serviceInterface, group, version);
  if (service === undefined) {
    const asked = `${group === "" ? "" : `${group}/`}${serviceInterface}${version === "" ? "" : `:${version}`}`;
    const offered = services.offers(serviceInterface).join(", ") || "nothing of this interface";
    throw new RpcError("SERVICE_NOT_FOUND", `SERVICE_NOT_FOUND: ${asked}; offered: ${offered}`, {
      mayHaveRun: false,
    });
  }
  const found = findMethod(service.definition, method);
  if (found === undefined) throw methodNotFound({ service: service.key, method });
  return { service, found };
}

/** The first value of a header; empty when it is not there. */
export function headerOf(metadata: Metadata, name: string): string {
  const [value] = metadata.get(name);
  return typeof value === "string" ? value : "";
}

/** The call as filters and the method see it, and what ends it early. */
export class ServedCall {
  readonly invocation: Invocation;
  /** Made when the signal is first read: most methods never ask. */
  #controller: AbortController | undefined;
  #cancelled: RpcError | undefined;
  #over = false;

  constructor(
    { service, found }: Target,
    args: readonly unknown[],
    call: IncomingCall,
    private readonly context: ServeContext,
  ) {
    const { metadata } = call;
    const application = headerOf(metadata, "tri-consumer-appname");
    const signal = () => this.#signal();
    this.invocation = {
      service: service.key,
      definition: service.definition,
      method: found.name,
      methodDefinition: found.definition,
      args,
      attachments: readAttachments(metadata),
      responseAttachments: new Map(),
      deadlineMs: monotonic(call.getDeadline(), context.clock),
      get signal() {
        return signal();
      },
      oneway: false,
      peer: { address: call.getPeer(), application: application === "" ? undefined : application },
    };
    context.onCalls(1);
  }

  get over(): boolean {
    return this.#over;
  }

  /** Runs the method behind its filters. Rejects with what a caller can be told. */
  async run(service: ServedService): Promise<unknown> {
    try {
      return await service.invoker.invoke(this.invocation);
    } catch (error) {
      throw asCallError(error);
    }
  }

  /** The consumer cancelled, went away, or waits no longer. */
  cancel(): void {
    if (this.#over) return;
    const { service, method, deadlineMs } = this.invocation;
    // The consumer's own deadline comes a moment before the one that is counted here.
    const late = this.context.clock.monotonicMs() >= deadlineMs - 50;
    const why = late ? "stopped waiting" : "cancelled it";
    this.#cancelled ??= new RpcError(
      late ? "CALL_TIMEOUT" : "CONNECTION_LOST",
      `the caller of ${service.text}.${method} ${why}`,
    );
    this.#controller?.abort(this.#cancelled);
  }

  #signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      if (this.#cancelled !== undefined) this.#controller.abort(this.#cancelled);
    }
    return this.#controller.signal;
  }

  /** The answer is written: nothing of the call is of interest any more. */
  end(): void {
    if (this.#over) return;
    this.#over = true;
    this.context.onCalls(-1);
  }
}

/** grpc-js counts in the time of day. */
function monotonic(deadline: Date | number, clock: Clock): number {
  const atMs = typeof deadline === "number" ? deadline : deadline.getTime();
  return atMs === Infinity ? Infinity : clock.monotonicMs() + (atMs - Date.now());
}
