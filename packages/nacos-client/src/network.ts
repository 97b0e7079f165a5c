import { createSocket } from "node:dgram";
import { request as plainRequest } from "node:http";
import { request as secureRequest } from "node:https";
import type { SecureContextOptions } from "node:tls";

/** One HTTP request. */
export interface NacosHttpRequest {
  readonly method: "GET" | "POST" | "PUT" | "DELETE";
  /** `http:` or `https:`. */
  readonly url: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent as a form. Default no body. */
  readonly form?: URLSearchParams;
  /** For `https:`: who is trusted, and who we are. Default the system's. */
  readonly tls?: SecureContextOptions & {
    readonly rejectUnauthorized?: boolean;
    readonly servername?: string;
  };
}

/** What was answered, read to its end. */
export interface NacosHttpResponse {
  readonly status: number;
  /** Lower-case names. */
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly text: string;
}

/** A bound UDP socket. */
export interface NacosUdpSocket {
  readonly port: number;
  send(data: Buffer, port: number, host: string): void;
  /** A second time does nothing. */
  close(): Promise<void>;
}

/** The sockets besides gRPC's, passed in so that tests can hold them. */
export interface NacosNetwork {
  /** One request on a connection of its own. Rejects with what the socket says, or with `signal.reason`. */
  http(request: NacosHttpRequest, signal: AbortSignal): Promise<NacosHttpResponse>;
  /** A socket on a free port of all interfaces; `onMessage` must not throw. */
  udp(onMessage: (data: Buffer, from: { address: string; port: number }) => void): Promise<NacosUdpSocket>;
}

/** An answer of more than this is no Nacos: its own limit is 10 MiB. */
const mostBytes = 16 * 1024 * 1024;

function http(request: NacosHttpRequest, signal: AbortSignal): Promise<NacosHttpResponse> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason);
    const body = request.form?.toString();
    const headers = { ...request.headers, ...(body !== undefined && formHeaders(body)) };
    const start = request.url.startsWith("https:") ? secureRequest : plainRequest;
    const sent = start(request.url, { method: request.method, headers, agent: false, ...request.tls });
    const onAbort = () => void sent.destroy(signal.reason instanceof Error ? signal.reason : undefined);
    signal.addEventListener("abort", onAbort, { once: true });
    const fail = (error: unknown) => reject(signal.aborted ? signal.reason : error);
    sent.on("close", () => signal.removeEventListener("abort", onAbort));
    sent.on("error", fail);
    sent.on("response", (response) => {
      const chunks: Buffer[] = [];
      let size = 0;
      response.on("data", (chunk: Buffer) => {
        size += chunk.length;
        if (size > mostBytes) sent.destroy(new Error(`an answer of more than ${mostBytes} bytes`));
        else chunks.push(chunk);
      });
      response.on("error", fail);
      response.on("aborted", () => fail(new Error("the answer broke off")));
      response.on("end", () => {
        const text = Buffer.concat(chunks).toString("utf8");
        resolve({ status: response.statusCode ?? 0, headers: response.headers, text });
      });
    });
    sent.end(body);
  });
}

function formHeaders(body: string): Record<string, string> {
  return {
    "Content-Type": "application/x-www-form-urlencoded;charset=UTF-8",
    "Content-Length": String(Buffer.byteLength(body)),
  };
}

function udp(onMessage: Parameters<NacosNetwork["udp"]>[0]): Promise<NacosUdpSocket> {
  return new Promise((resolve, reject) => {
    const socket = createSocket("udp4");
    let closing: Promise<void> | undefined;
    socket.on("message", onMessage);
    socket.once("error", reject);
    socket.bind(0, () => {
      socket.off("error", reject);
      socket.on("error", () => {}); // an unreachable peer: the list is read again anyway
      socket.unref();
      resolve({
        port: socket.address().port,
        send: (data, port, host) => socket.send(data, port, host),
        close: () => (closing ??= new Promise((closed) => socket.close(() => closed()))),
      });
    });
  });
}

/** Node's own sockets. */
export const systemNetwork: NacosNetwork = { http, udp };
