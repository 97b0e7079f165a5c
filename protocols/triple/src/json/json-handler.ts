import type { IncomingMessage, ServerResponse } from "node:http";
import { type Clock, hasCode, InvalidValueError, type RemoteException, RpcError } from "@dubbo-ts/core";
import { asCallError, type Invocation } from "@dubbo-ts/rpc";
import { statusOfError } from "../call-errors.js";
import { type Target, targetOf } from "../served-call.js";
import type { ServiceTable } from "../service-table.js";
import { Status } from "../status.js";
import { readArguments } from "./read-arguments.js";
import { writeJson } from "./write-json.js";

/** What a {@link jsonHandler} needs. */
export interface JsonHandlerOptions {
  readonly services: ServiceTable;
  readonly clock: Clock;
  readonly maxBodyBytes: number;
  /** Counts calls that are running: 1 when one begins, -1 when it is over. */
  onCalls(change: 1 | -1): void;
}

/** Why a request is refused, beside what calls can fail with. */
class HttpError extends Error {
  constructor(
    readonly status: number,
    message: string,
  ) {
    super(message);
  }
}

/**
 * Serves calls over HTTP/1.1 with JSON (rpc-protocols 3.4): `POST /interface/method` with the arguments as the body,
 * or `GET` with them in the query. An error is answered as Java does, `{"message":"…","status":"500"}`. For services
 * of java types and of protobuf; streams need HTTP/2.
 */
export function jsonHandler(
  options: JsonHandlerOptions,
): (request: IncomingMessage, response: ServerResponse) => void {
  return (request, response) => {
    serve(options, request, response).catch((error: unknown) => refuse(response, error));
  };
}

async function serve(
  options: JsonHandlerOptions,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const url = urlOf(request);
  const target = findTarget(options.services, request, url);
  const { definition, name } = target.found;
  if (definition.kind !== "unary") throw new HttpError(501, `${name} is a stream: call it over HTTP/2`);
  const body = request.method === "GET" ? queryBody(url) : await readBody(request, options.maxBodyBytes);
  const args = readArguments(definition, name, body);
  options.onCalls(1);
  try {
    const controller = new AbortController();
    response.once("close", () => controller.abort(new RpcError("CONNECTION_LOST", "the caller went away")));
    const invocation = invocationOf(target, args, request, controller.signal);
    const value = await target.service.invoker.invoke(invocation);
    for (const [header, text] of invocation.responseAttachments) setHeader(response, header, text);
    send(response, 200, writeJson(definition.result, value));
  } finally {
    options.onCalls(-1);
  }
}

function urlOf(request: IncomingMessage): URL {
  try {
    return new URL(request.url ?? "/", "http://localhost");
  } catch {
    throw new HttpError(400, "the address cannot be read");
  }
}

function findTarget(services: ServiceTable, request: IncomingMessage, { pathname }: URL): Target {
  if (request.method !== "POST" && request.method !== "GET") throw new HttpError(405, "POST is wanted");
  const path = decodeURIComponent(pathname)
    .split("/")
    .filter((part) => part !== "");
  const [serviceInterface = "", method = ""] = path.slice(-2);
  const header = (name: string) => {
    const value = request.headers[name];
    return typeof value === "string" ? value : "";
  };
  try {
    return targetOf(services, serviceInterface, method, header);
  } catch (error) {
    throw new HttpError(404, `Invoker not found: ${(error as Error).message}`);
  }
}

/** `?a=1&b=2`: the values in their order, texts that are JSON as what they are. */
function queryBody({ searchParams }: URL): unknown {
  const values = Object.fromEntries(searchParams);
  if (Object.keys(values).length === 0) return undefined;
  const parsed = Object.entries(values).map(([name, text]) => [name, parsedOrText(text)] as const);
  return parsed.length === 1 ? parsed[0]?.[1] : Object.fromEntries(parsed);
}

function parsedOrText(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return text;
  }
}

async function readBody(request: IncomingMessage, maxBytes: number): Promise<unknown> {
  const type = request.headers["content-type"] ?? "application/json";
  if (!/^application\/json\b/i.test(type)) throw new HttpError(415, "application/json is wanted");
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > maxBytes) throw new HttpError(413, `the body is larger than ${maxBytes} bytes`);
    chunks.push(chunk);
  }
  const text = Buffer.concat(chunks).toString("utf8").trim();
  if (text === "") return undefined;
  try {
    return JSON.parse(text) as unknown;
  } catch (cause) {
    throw new HttpError(400, `Error decoding json: ${(cause as Error).message}`);
  }
}

/** Headers that are the connection's or the framework's, not attachments. */
const notAttachments =
  /^(?:content-|accept|host$|connection$|user-agent$|transfer-encoding$|te$|upgrade$|keep-alive$|tri-|rest-|http2-|expect$|origin$|referer$|cookie$|authorization$|sec-|cache-control$|pragma$)/;

function invocationOf(
  { service, found }: Target,
  args: readonly unknown[],
  request: IncomingMessage,
  signal: AbortSignal,
): Invocation {
  const attachments = new Map<string, string>();
  for (const [name, value] of Object.entries(request.headers)) {
    if (typeof value === "string" && !notAttachments.test(name)) attachments.set(name, value);
  }
  const application = request.headers["tri-consumer-appname"];
  const { remoteAddress, remotePort } = request.socket;
  return {
    service: service.key,
    definition: service.definition,
    method: found.name,
    methodDefinition: found.definition,
    args,
    attachments,
    responseAttachments: new Map(),
    deadlineMs: Infinity,
    signal,
    oneway: false,
    peer: {
      address: `${remoteAddress}:${remotePort}`,
      application: typeof application === "string" ? application : undefined,
    },
  };
}

function setHeader(response: ServerResponse, name: string, text: string): void {
  try {
    response.setHeader(name, text);
  } catch {
    // What cannot be a header does not travel here.
  }
}

/** HTTP's statuses for gRPC's (google.rpc.Code); what the method threw is 500, as in Java. */
const httpStatuses: Readonly<Record<number, number>> = {
  [Status.INVALID_ARGUMENT]: 400,
  [Status.NOT_FOUND]: 404,
  [Status.ALREADY_EXISTS]: 409,
  [Status.PERMISSION_DENIED]: 403,
  [Status.UNAUTHENTICATED]: 401,
  [Status.RESOURCE_EXHAUSTED]: 429,
  [Status.UNIMPLEMENTED]: 404,
  [Status.UNAVAILABLE]: 503,
  [Status.DEADLINE_EXCEEDED]: 408,
};

function refuse(response: ServerResponse, error: unknown): void {
  if (response.headersSent || response.destroyed) return;
  const { status, message } = describe(error);
  // What was not read of the body must not be taken for the next request.
  if (status === 413) response.setHeader("connection", "close");
  send(response, status, JSON.stringify({ message, status: String(status) }));
}

function describe(error: unknown): { status: number; message: string } {
  if (error instanceof HttpError) return error;
  const callError = error instanceof InvalidValueError ? error : asCallError(error);
  const status = httpStatuses[statusOfError(callError)] ?? 500;
  if (!hasCode(callError, "REMOTE_EXCEPTION")) return { status, message: callError.message };
  const { detail, className } = callError as unknown as RemoteException;
  return { status, message: detail ?? className };
}

function send(response: ServerResponse, status: number, text: string): void {
  const body = Buffer.from(text);
  response.writeHead(status, { "content-type": "application/json", "content-length": body.length });
  response.end(body);
}
