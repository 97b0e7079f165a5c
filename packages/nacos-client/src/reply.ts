import { type Body, numberOf, textOf } from "./body.js";
import { NacosError } from "./nacos-error.js";
import type { Payload } from "./wire.js";

/** What a server answered to a unary request. */
export interface Reply {
  /** Also a refusal comes in the expected type, except when nothing could be handled at all: `ErrorResponse`. */
  readonly type: string;
  readonly body: Body;
  /** Exactly `resultCode` 200. */
  readonly ok: boolean;
  /** 0 when ok. Judge by it, not by the type (nacos-server 8, A1.5). */
  readonly errorCode: number;
  readonly message: string;
}

/** Reads the base fields that all responses have: registries A1.5. */
export function toReply({ type, body = {} }: Payload): Reply {
  const resultCode = numberOf(body, "resultCode", 500);
  const ok = resultCode === 200;
  const errorCode = ok ? 0 : numberOf(body, "errorCode") || resultCode;
  return { type, body, ok, errorCode, message: textOf(body, "message") };
}

/** The typed error for a reply that is not ok. `what` says what was tried: `register a@@b`. */
export function refusal(reply: Reply, what: string): NacosError {
  const serverCode = reply.errorCode;
  const text = `${what}: ${reply.message || "refused"} (code ${serverCode})`;
  if (serverCode === 403) return new NacosError("UNAUTHORIZED", text, { serverCode });
  if (serverCode === 302) return new NacosError("UNSUPPORTED", text, { serverCode });
  if (serverCode === 400 || serverCode === 502) return new NacosError("INVALID", text, { serverCode });
  return new NacosError("REFUSED", text, { serverCode });
}

/**
 * Its database could not get a lock in time, or gave up a deadlock: nothing was written, and the same request is likely to
 * succeed. Derby's and MySQL's words, which Nacos hands on with code 500; seen of Derby when two clients published at once.
 */
export function isContended({ ok, errorCode, message }: Reply): boolean {
  return !ok && errorCode === 500 && /lock could not be obtained|lock wait timeout|deadlock/i.test(message);
}

/** Somebody else inserted the same at the same moment: 3.1.0's words, with code 500, for the second of two inserts. */
export function hasBeenOvertaken({ ok, errorCode, message }: Reply): boolean {
  return !ok && errorCode === 500 && /config already exist/i.test(message);
}

/** The body of `reply`. @throws {NacosError} when it is not ok. */
export function bodyOfReply(reply: Reply, what: string): Body {
  if (!reply.ok) throw refusal(reply, what);
  return reply.body;
}
