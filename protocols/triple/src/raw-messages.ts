import type { IncomingHttpHeaders } from "node:http2";
import { Metadata } from "@grpc/grpc-js";

const ascii = /^[ -~]*$/;
const patched = Symbol.for("@dubbo-ts/protocol-triple: reads raw grpc-message");

/**
 * Dubbo for Java sends `grpc-message` as it is (peers JB1), and grpc-js drops header values that are not ASCII, with
 * a line on stderr. There is no other way in than its `Metadata.fromHttp2Headers`: from here on, for the whole
 * process, that reads a raw message as if it had been percent-encoded. A second time does nothing.
 */
export function readRawMessages(): void {
  if (patched in (Reflect.get(Metadata, "fromHttp2Headers") as object)) return;
  const original = Metadata.fromHttp2Headers.bind(Metadata);
  const lenient = (headers: IncomingHttpHeaders): Metadata => {
    const message = headers["grpc-message"];
    if (typeof message !== "string" || ascii.test(message)) return original(headers);
    return original({ ...headers, "grpc-message": encodeURI(decodeRaw(message)) });
  };
  Metadata.fromHttp2Headers = Object.assign(lenient, { [patched]: true });
}

/** Node gives bytes as Latin-1; they may be UTF-8. */
function decodeRaw(message: string): string {
  const text = Buffer.from(message, "latin1").toString("utf8");
  return text.includes("\ufffd") ? message : text;
}
