import { ReplyError } from "ioredis";
import type { RedisNode } from "./redis-address.js";

/**
 * What went wrong, as far as it matters for what to do next.
 * - `lost`: the connection ended or could not be made. `busy`: the server cannot at this moment. Both pass by themselves.
 * - `auth`: who we are is not believed. `denied`: we are, and may not. `tls`: no secure connection.
 * - `wrong-server`: no Redis, or not one that can be used so. `refused`: it does not do what was asked.
 * - `moved`, `ask`: another member of the cluster has it, for good or for this once.
 */
export type FaultKind =
  | "lost"
  | "busy"
  | "auth"
  | "denied"
  | "tls"
  | "wrong-server"
  | "refused"
  | "moved"
  | "ask";

/** An error between the adapter and Redis. It never holds what was sent: that may be a password. */
export class RedisFault extends Error {
  override readonly name = "RedisFault";

  constructor(
    readonly kind: FaultKind,
    message: string,
    /** Of `moved` and `ask`; an empty host means the one that was asked. */
    readonly target?: RedisNode,
  ) {
    super(message);
  }

  /** True when the same may succeed a moment later, perhaps elsewhere. */
  get isTransient(): boolean {
    return this.kind === "lost" || this.kind === "busy";
  }
}

/** By the first word of an error that Redis answers; others are `refused`. */
const kinds: Readonly<Record<string, FaultKind>> = {
  WRONGPASS: "auth",
  NOAUTH: "auth",
  DENIED: "auth", // protected mode
  NOPERM: "denied",
  LOADING: "busy",
  BUSY: "busy",
  TRYAGAIN: "busy",
  CLUSTERDOWN: "busy",
  MASTERDOWN: "busy",
  NOREPLICAS: "busy",
  READONLY: "busy", // a master that has become a replica
};

/** Errors that share the first word `ERR`. */
const sentences: readonly (readonly [RegExp, FaultKind])[] = [
  [/invalid password|wrong number of arguments for 'auth'/i, "auth"],
  [/max number of clients/i, "busy"],
  [/cluster support disabled/i, "wrong-server"],
];

/** An error of ioredis or of its socket as a fault, without the command in it. What is a fault already stays what it is. */
export function faultOf(error: unknown): RedisFault {
  if (error instanceof RedisFault) return error;
  const { message, code } = error as NodeJS.ErrnoException;
  if (error instanceof ReplyError) return replyFault(message);
  if (/Unknown RESP type|Protocol error/.test(message))
    return new RedisFault("wrong-server", "what answers there does not speak Redis' protocol");
  return socketFault({ message, code }, true);
}

/** The fault that an error reply stands for. */
function replyFault(reply: string): RedisFault {
  // The server repeats arguments of commands that it does not know.
  const message = reply.replace(/, with args beginning with.*/s, "");
  const [word = "", slot, place = ""] = message.split(" ");
  if ((word === "MOVED" || word === "ASK") && slot !== undefined) {
    const colon = place.lastIndexOf(":");
    const target = { host: place.slice(0, colon), port: Number(place.slice(colon + 1)) };
    return new RedisFault(word === "MOVED" ? "moved" : "ask", message, target);
  }
  const kind = kinds[word] ?? sentences.find(([pattern]) => pattern.test(message))?.[1] ?? "refused";
  return new RedisFault(kind, message);
}

/** The fault of a socket. @param secure whether TLS was asked for. */
export function socketFault(
  { message, code = "" }: Pick<NodeJS.ErrnoException, "message" | "code">,
  secure: boolean,
): RedisFault {
  // Redis without TLS closes the connection, or answers a line of text, which is no TLS.
  if (code === "ERR_SSL_WRONG_VERSION_NUMBER" || code === "ERR_SSL_PACKET_LENGTH_TOO_LONG")
    return new RedisFault("wrong-server", "what answers there does not speak TLS");
  const isTls = /^(ERR_SSL|ERR_TLS|CERT_|DEPTH_|UNABLE_TO|SELF_SIGNED|HOSTNAME_)|^EPROTO$/.test(code);
  if (secure && isTls) return new RedisFault("tls", `no secure connection: ${message}`);
  return new RedisFault("lost", message || code || "the connection was closed");
}
