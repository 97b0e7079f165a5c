import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from "node:http";
import type { Server as NetServer, Socket } from "node:net";
import { hasCode, type Runtime } from "@dubbo-ts/core";
import { isLoopback, listen } from "./listen.js";

/** A request of the HTTP API: method and path below `/nacos/`, fields of query and form together. */
export interface HttpRequest {
  readonly method: string;
  readonly path: string;
  readonly fields: Readonly<Record<string, string>>;
}

/** What is answered: a text as it is, anything else as JSON. */
export interface HttpAnswer {
  readonly status: number;
  readonly body: unknown;
}

/** A form of more than this is nobody's. */
const maxFormBytes = 1024 * 1024;

/**
 * The HTTP side of the server, on the base port: the little that clients ask there beside gRPC. Somebody else may have
 * that port: then there is none, and clients over gRPC miss nothing.
 */
export class HttpEndpoint implements AsyncDisposable {
  readonly #http = createServer((request, response) => void this.#serve(request, response));
  readonly #sockets = new Set<Socket>();
  #net: NetServer | undefined;

  /** @param isGuarded true: pages of other origins that a browser on this machine shows are refused. */
  constructor(
    private readonly handle: (request: HttpRequest) => HttpAnswer,
    private readonly isGuarded: boolean,
  ) {}

  /** False: the port is in use. @param background true: its sockets do not keep the process alive. */
  async listen(
    address: { host: string; port: number },
    runtime: Runtime,
    background: boolean,
  ): Promise<boolean> {
    try {
      this.#net = await listen(runtime.network, address, (socket) => this.#accept(socket, background));
    } catch (error) {
      if (!hasCode(error, "PORT_IN_USE", "ADDRESS_INVALID")) throw error;
      runtime.log.debug({ err: error, ...address }, "the embedded registry serves no HTTP");
      return false;
    }
    if (background) this.#net.unref();
    return true;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const net = this.#net;
    this.#net = undefined;
    for (const socket of this.#sockets) socket.destroy();
    this.#http.closeAllConnections();
    if (net !== undefined) await new Promise<void>((resolve) => net.close(() => resolve()));
  }

  #accept(socket: Socket, background: boolean): void {
    if (background) socket.unref();
    this.#sockets.add(socket);
    socket.once("close", () => this.#sockets.delete(socket));
    this.#http.emit("connection", socket);
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    response.on("error", () => {});
    const { status, body } = await this.#answer(request);
    const isText = typeof body === "string";
    response.writeHead(status, { "Content-Type": isText ? "text/plain;charset=UTF-8" : "application/json" });
    response.end(isText ? body : JSON.stringify(body));
  }

  async #answer(request: IncomingMessage): Promise<HttpAnswer> {
    if (this.isGuarded && !isFromHere(request.headers))
      return { status: 403, body: "the embedded registry serves programs of this machine, no web pages" };
    try {
      const url = new URL(request.url ?? "/", "http://localhost");
      const form = new URLSearchParams(await textOf(request));
      const path = url.pathname.replace(/^\/nacos\//, "").replace(/\/+$/, "");
      const fields = { ...Object.fromEntries(url.searchParams), ...Object.fromEntries(form) };
      return this.handle({ method: request.method ?? "GET", path, fields });
    } catch (error) {
      return { status: 400, body: error instanceof Error ? error.message : "bad request" };
    }
  }
}

/**
 * Loopback keeps other machines out, but not the pages that a browser here shows: they may send forms anywhere, under
 * their `Origin`, or have a name of their own lead to 127.0.0.1, which is then the `Host`.
 */
function isFromHere({ host, origin }: IncomingHttpHeaders): boolean {
  const isHere = (authority: string) =>
    isLoopback(
      authority
        .replace(/:\d+$/, "")
        .replace(/^\[(.*)\]$/, "$1")
        .toLowerCase(),
    );
  const isOwnPage = origin === undefined || isHere(origin.replace(/^https?:\/\//, ""));
  return isOwnPage && (host === undefined || isHere(host));
}

async function textOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > maxFormBytes) throw new Error(`a form of more than ${maxFormBytes} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}
