import { z } from "zod";
import { inert, inerts, key, later } from "./key.js";
import { bytes, duration, flag, integer, params, text, texts } from "./scalars.js";
import { tls } from "./tls.js";

const getty = "settings of sessions and sockets of dubbo-go";

const sizes = () => ({
  maxServerSendMsgSize: key("The longest message that a provider sends.", bytes().optional()),
  maxServerRecvMsgSize: key("The longest message that a provider accepts.", bytes().optional()),
});

/** `triple:` of a protocol or a reference. */
const triple = z.object({
  ...sizes(),
  keepAliveInterval: key("How often a connection is pinged.", duration().optional()),
  keepAliveTimeout: key("How long a ping may stay unanswered.", duration().optional()),
  cors: later(
    "What web pages of other origins may call.",
    z
      .object({
        allowOrigins: key("Origins that may call.", texts().optional()),
        allowMethods: key("Methods of HTTP that they may use.", texts().optional()),
        allowHeaders: key("Headers that they may send.", texts().optional()),
        exposeHeaders: key("Headers that they may read.", texts().optional()),
        allowCredentials: key("Whether they may send cookies.", flag().default(false)),
        maxAge: key("How many seconds they may keep this answer.", integer(0, 86_400 * 365).optional()),
      })
      .optional(),
  ),
  http3: inert("there is no HTTP/3"),
  openapi: inert("no OpenAPI document is served"),
});

/** Free parameters of a protocol, and those that dubbo-go has there. */
const protocolParams = () =>
  z
    .object(
      inerts(
        getty,
        "sessionNumber",
        "sessionTimeout",
        "heartbeatPeriod",
        "heartbeatTimeout",
        "gettySessionParam",
        "connectionNumber",
        "reconnectInterval",
      ),
    )
    .catchall(z.string({ error: "must be a single value" }))
    .meta({ type: "names and texts" });

/** One of `protocols:`. */
export const protocol = () =>
  z.object({
    name: key("The wire protocol: `dubbo` or `tri`. Default: the id.", text().optional()),
    host: key("The address of an interface of this machine to listen on. Default: all.", text().optional(), {
      aliases: ["ip"],
    }),
    port: key(
      "The port to listen on; 0 or -1 picks a free one. Default: the protocol's.",
      integer(-1, 65_535)
        .transform((port) => Math.max(0, port))
        .meta({
          json: { type: ["integer", "string", "null"], minimum: -1, maximum: 65_535 },
          type: "-1 to 65535",
        })
        .optional(),
    ),
    extProtocol: key("Wire protocols that are spoken on the same port too, as in `tri`.", texts().optional()),
    tls: key("Encrypted connections. Default: those of the file.", tls().optional()),
    payload: key("The longest message.", bytes().default(8_388_608)),
    serialization: key("How arguments and results are written: `hessian2`, `protobuf`.", text().optional()),
    ...sizes(),
    triple: key("Settings of the protocol `tri`.", triple.optional()),
    params: key("What the protocol understands besides.", protocolParams().prefault({}), {
      aliases: ["parameters"],
    }),
  });

/** `protocol_config:` of a reference. */
export const referenceProtocol = () =>
  z.object({
    name: key("The wire protocol.", text().optional()),
    triple: key("Settings of the protocol `tri`.", triple.optional()),
  });

/** Free parameters. */
export const freeParams = (description: string) =>
  key(description, params().default({}), { aliases: ["parameters"] });
