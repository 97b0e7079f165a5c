import { InvalidValueError } from "@dubbo-ts/core";
import type { Metadata } from "@grpc/grpc-js";

/**
 * Header names that are no attachments (rpc-protocols 3.1, `TripleHeaderEnum` in apache/dubbo), with what HTTP, gRPC
 * and dubbo-go's leaking maps put beside them (pitfalls P42, P43).
 */
const reserved: ReadonlySet<string> = new Set(
  [
    "content-type te user-agent accept-encoding accept host connection content-length date trailer",
    "alt-svc transfer-encoding upgrade http2-settings keep-alive group interface path",
    "remote.application application serialization version rest-service-version rest-service-group",
    "timeout retries tri-service-version tri-service-group tri-service-timeout tri-consumer-appname",
    "tri-header-convert tri-exception-code tri-req-id tri-trace-traceid tri-trace-rpcid tri-trace-",
    "proto-bin tri-unit-info tri-attachment",
  ].flatMap((names) => names.split(" ")),
);

/** Carries the names whose capitals HTTP/2 would lose: percent-encoded JSON, lower case to original. */
const convertHeader = "tri-header-convert";

const nameForm = /^[0-9a-z_.-]+$/;
// Printable ASCII without blanks at the ends, which HTTP strips.
const plainText = /^(?:[!-~](?:[ -~]*[!-~])?)?$/;

function isReserved(name: string): boolean {
  return reserved.has(name) || name.startsWith("grpc-") || name.startsWith(":");
}

/** True when `name` can be a header: what else there is in attachments cannot travel over HTTP/2. */
function isHeaderName(name: string): boolean {
  return nameForm.test(name);
}

/**
 * Puts attachments among the headers: names in lower case, with `tri-header-convert` for those that had capitals; a
 * value that is not printable ASCII as `name-bin` with its UTF-8 bytes, gRPC's own way. Reserved names stay out.
 *
 * @param onIllegal told of names that cannot be headers, which are left out.
 */
export function writeAttachments(
  attachments: ReadonlyMap<string, string>,
  metadata: Metadata,
  onIllegal: (name: string) => void,
): void {
  let originals: Record<string, string> | undefined;
  for (const [name, text] of attachments) {
    const lower = name.toLowerCase();
    if (isReserved(lower)) continue;
    if (!isHeaderName(lower)) {
      onIllegal(name);
      continue;
    }
    if (lower !== name) (originals ??= {})[lower] = name;
    if (plainText.test(text) && !lower.endsWith("-bin")) metadata.set(lower, text);
    else metadata.set(`${lower}-bin`, Buffer.from(text));
  }
  if (originals !== undefined) metadata.set(convertHeader, encodeURIComponent(JSON.stringify(originals)));
}

/** @throws {InvalidValueError} INVALID_ARGUMENT: for `onIllegal` where the caller can be told. */
export function refuseAttachment(name: string): never {
  throw new InvalidValueError(
    "INVALID_ARGUMENT",
    `attachments[${JSON.stringify(name.slice(0, 60))}]`,
    "a name over triple has letters, digits, '_', '-' and '.' only",
  );
}

const nothing: ReadonlyMap<string, string> = new Map();

/** The attachments among received headers or trailers, under their original names. */
export function readAttachments(metadata: Metadata): ReadonlyMap<string, string> {
  let attachments: Map<string, string> | undefined;
  const headers = metadata.getMap();
  for (const name in headers) {
    if (isReserved(name)) continue;
    const value = headers[name] as string | Buffer;
    attachments ??= new Map();
    if (typeof value === "string") attachments.set(name, value);
    else attachments.set(name.slice(0, -"-bin".length), textOf(value));
  }
  if (attachments === undefined) return nothing;
  const convert = headers[convertHeader];
  return typeof convert === "string" ? renamed(attachments, convert) : attachments;
}

/** Bytes that are no UTF-8 stay base64: attachments are texts here. */
function textOf(value: Buffer): string {
  const text = value.toString("utf8");
  return text.includes("\ufffd") ? value.toString("base64") : text;
}

function renamed(attachments: ReadonlyMap<string, string>, convert: string): ReadonlyMap<string, string> {
  const originals = parseConvert(convert);
  return new Map([...attachments].map(([name, text]) => [originals.get(name) ?? name, text]));
}

function parseConvert(convert: string): ReadonlyMap<string, string> {
  try {
    const parsed: unknown = JSON.parse(decodeURIComponent(convert));
    if (typeof parsed !== "object" || parsed === null) return nothing;
    const names = Object.entries(parsed as Record<string, unknown>);
    // Only another case of the same name: a header must not be handed out as something else.
    return new Map(
      names.filter((entry): entry is [string, string] => {
        const [lower, original] = entry;
        return typeof original === "string" && original.toLowerCase() === lower;
      }),
    );
  } catch {
    return nothing;
  }
}
