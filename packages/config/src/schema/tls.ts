import { z } from "zod";
import { key } from "./key.js";
import { flag, oneOf, text } from "./scalars.js";

/** `tls:` of the file, of a protocol and of `consumer`. Paths are relative to the working directory. */
export const tls = () =>
  z.object({
    enabled: key("`false`: not encrypted, whatever is said elsewhere.", flag().default(true)),
    certFile: key("The certificate chain of this side, PEM.", text().optional(), {
      aliases: ["tlsCertFile"],
    }),
    keyFile: key("The private key, PEM.", text().optional(), { aliases: ["tlsKeyFile"] }),
    caFile: key(
      "Who must have signed the other side's certificate, PEM. A provider that has one asks consumers for theirs.",
      text().optional(),
      { aliases: ["caCertFile"] },
    ),
    serverName: key("The name in the provider's certificate. Default: the host.", text().optional(), {
      aliases: ["tlsServerName"],
    }),
    plainText: key(
      "Whether a provider takes connections that are not encrypted too. Default: `accept`, with `ca-file` `refuse`.",
      oneOf(["accept", "refuse"]).optional(),
    ),
  });
