import { once } from "node:events";
import { Agent, type IncomingMessage, request } from "node:http";
import { deadline, type Endpoint, RpcError, type Runtime } from "@dubbo-ts/core";
import { HessianReader, HessianWriter } from "@dubbo-ts/hessian2";
import type { Invocation, ProtocolInvoker } from "@dubbo-ts/rpc";

const longestMs = 2 ** 31 - 1;

/** The consumer's end: one for each endpoint, whatever the number of services there. */
export class HttpClient implements ProtocolInvoker {
  readonly #agent = new Agent({ keepAlive: true });
  readonly #running = new Set<Promise<unknown>>();
  #leaving = false;

  constructor(
    private readonly endpoint: Endpoint,
    private readonly runtime: Runtime,
  ) {}

  get available(): boolean {
    return !this.#leaving;
  }

  async invoke(invocation: Invocation): Promise<unknown> {
    const { service, method, deadlineMs, signal, responseAttachments, methodDefinition } = invocation;
    const timeoutMs = Math.min(longestMs, Math.floor(deadlineMs - this.runtime.clock.monotonicMs()));
    const peer = this.endpoint.key;
    const late = () => new RpcError("CALL_TIMEOUT", `${service.text} ${method}: no answer in time`, { peer });
    using bound = deadline(this.runtime.clock, timeoutMs, late, signal);
    const sending = this.#send(bodyOf(invocation, timeoutMs), bound.signal);
    this.#running.add(sending);
    const reader = new HessianReader(await sending.finally(() => this.#running.delete(sending)));
    switch (reader.readString()) {
      case "":
        for (const [key, text] of reader.readStringMap()) responseAttachments.set(key, text);
        return reader.read(methodDefinition.result);
      case "REMOTE_EXCEPTION":
        throw reader.readThrowable();
      case "refused":
        throw new RpcError("PROVIDER_ERROR", String(reader.readString()), { peer, mayHaveRun: false });
      default:
        throw new RpcError("PROVIDER_ERROR", String(reader.readString()), { peer });
    }
  }

  /** Calls in flight finish, within their deadlines. */
  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.allSettled(this.#running);
    this.#agent.destroy();
  }

  /** What is sent and what is not is told apart: that decides whether a call is repeated elsewhere. */
  async #send(body: Buffer, signal: AbortSignal): Promise<Buffer> {
    const { host, port, key: peer } = this.endpoint;
    let sent = false;
    try {
      const outgoing = request({ host, port, method: "POST", agent: this.#agent, signal });
      outgoing.once("finish", () => (sent = true));
      outgoing.end(body);
      const [response] = (await once(outgoing, "response")) as [IncomingMessage];
      this.#leaving = response.headers.connection === "close";
      return Buffer.concat(await response.toArray());
    } catch (cause) {
      signal.throwIfAborted();
      throw new RpcError(sent ? "CONNECTION_LOST" : "CONNECT_FAILED", "no answer", {
        peer,
        mayHaveRun: sent,
        cause,
      });
    }
  }
}

function bodyOf(
  { service, method, attachments, args, methodDefinition }: Invocation,
  timeoutMs: number,
): Buffer {
  const writer = new HessianWriter();
  writer.writeString(service.text);
  writer.writeString(method);
  writer.writeInt(timeoutMs);
  writer.writeStringMap(attachments);
  for (const [index, type] of methodDefinition.params.entries()) writer.write(type, args[index]);
  return writer.finish();
}
