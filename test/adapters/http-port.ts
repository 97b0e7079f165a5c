import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { ConfigError, hasCode, RpcError, type Runtime } from "@dubbo-ts/core";
import { HessianReader, HessianWriter } from "@dubbo-ts/hessian2";
import {
  findMethod,
  type Invocation,
  type ListenOptions,
  type OpenPort,
  type ServedService,
} from "@dubbo-ts/rpc";

/** The provider's end: a port, and the services on it. */
export class HttpPort implements OpenPort {
  readonly #services = new Map<string, ServedService>();
  readonly #server: Server;
  #closing = false;
  #closed: Promise<unknown> | undefined;

  private constructor(private readonly runtime: Runtime) {
    this.#server = createServer((request, response) => void this.#answer(request, response));
  }

  /** @throws {ConfigError} PORT_IN_USE. */
  static async open({ host, port }: ListenOptions, runtime: Runtime): Promise<HttpPort> {
    const opened = new HttpPort(runtime);
    try {
      await once(opened.#server.listen(port, host), "listening");
      return opened;
    } catch (cause) {
      throw new ConfigError("PORT_IN_USE", `http cannot listen on ${host ?? "*"}:${port}`, { cause });
    }
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  add(service: ServedService): void {
    const { text } = service.key;
    if (this.#services.has(text))
      throw new ConfigError("SERVICE_ALREADY_EXPORTED", `${text} is served already`);
    this.#services.set(text, service);
  }

  remove(service: ServedService): void {
    this.#services.delete(service.key.text);
  }

  /** From now on every answer tells the consumer to go elsewhere. */
  announceClosing(): void {
    this.#closing = true;
  }

  /** Calls in flight finish: `close` waits for them. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed ??= once(this.#server.close(), "close");
    await this.#closed;
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const gone = new AbortController();
    response.once("close", () => gone.abort());
    const writer = new HessianWriter();
    try {
      const invocation = this.#read(Buffer.concat(await request.toArray()), request, gone.signal);
      const result = await this.#services.get(invocation.service.text)?.invoker.invoke(invocation);
      writer.writeString("");
      writer.writeStringMap(invocation.responseAttachments);
      writer.write(invocation.methodDefinition.result, result);
    } catch (error) {
      writeFailure(writer, error);
    }
    if (this.#closing) response.setHeader("connection", "close");
    response.end(writer.finish());
  }

  /** @throws {RpcError} what keeps the call from being made: nothing has run. */
  #read(body: Buffer, { socket }: IncomingMessage, signal: AbortSignal): Invocation {
    const reader = new HessianReader(body);
    const [service, method] = [String(reader.readString()), String(reader.readString())];
    const served = this.#services.get(service);
    if (served === undefined)
      throw new RpcError("SERVICE_NOT_FOUND", `${service} is not here`, { mayHaveRun: false });
    const found = findMethod(served.definition, method);
    if (found === undefined)
      throw new RpcError("METHOD_NOT_FOUND", `${service} has no ${method}`, { mayHaveRun: false });
    const deadlineMs = this.runtime.clock.monotonicMs() + reader.readInt();
    const attachments = reader.readStringMap();
    return {
      service: served.key,
      definition: served.definition,
      method: found.name,
      methodDefinition: found.definition,
      args: found.definition.params.map((type) => reader.read(type)),
      attachments,
      responseAttachments: new Map(),
      deadlineMs,
      signal,
      oneway: false,
      peer: { address: `${socket.remoteAddress}:${socket.remotePort}`, application: undefined },
    };
  }
}

/** An exception of the method under its own code; else why the call failed, and whether the method may have run. */
function writeFailure(writer: HessianWriter, error: unknown): void {
  writer.reset();
  if (hasCode(error, "REMOTE_EXCEPTION")) {
    writer.writeString("REMOTE_EXCEPTION");
    writer.writeThrowable(error);
    return;
  }
  const refused = error instanceof RpcError ? !error.mayHaveRun : hasCode(error, "INVALID_ARGUMENT");
  writer.writeString(refused ? "refused" : "failed");
  writer.writeString(String(error));
}
