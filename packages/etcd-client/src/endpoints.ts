import { EtcdError } from "./errors.js";

/** Where a server listens. */
export interface Endpoint {
  /** A name or an IP address, IPv6 without brackets. */
  readonly host: string;
  readonly port: number;
}

/**
 * Reads `h1:2379,[::1]:2380,h3`, or a list of such texts, `http://` or `https://` before any of them allowed; port
 * 2379 where none is given. `tls` is true when all say `https`.
 * @throws {EtcdError} ADDRESS_INVALID: one is no host:port, none is given, or `http` and `https` are mixed.
 */
export function parseEndpoints(endpoints: string | readonly string[]): {
  readonly endpoints: readonly Endpoint[];
  readonly tls: boolean;
} {
  const texts = (typeof endpoints === "string" ? [endpoints] : endpoints)
    .flatMap((text) => text.split(","))
    .map((text) => text.trim())
    .filter((text) => text !== "");
  if (texts.length === 0) throw new EtcdError("ADDRESS_INVALID", "no endpoint is given");
  const secure = texts.filter((text) => /^https:/i.test(text)).length;
  if (secure > 0 && secure < texts.length)
    throw new EtcdError("ADDRESS_INVALID", "endpoints with and without https are mixed");
  return { endpoints: texts.map(parseEndpoint), tls: secure > 0 };
}

function parseEndpoint(text: string): Endpoint {
  const match = /^(?:https?:\/\/)?(?:\[([0-9A-Fa-f:.]+(?:%\w+)?)\]|([\w.-]+))(?::(\d+))?\/?$/i.exec(text);
  const host = match?.[1] ?? match?.[2];
  const port = Number(match?.[3] ?? 2379);
  if (host === undefined || port < 1 || port > 65_535)
    // The text may hold a password before an @: say only what comes after it.
    throw new EtcdError("ADDRESS_INVALID", `${JSON.stringify(text.replace(/^.*@/, "…@"))} is no host:port`);
  return { host, port };
}

/** `host:port`, an IPv6 host in brackets. */
export function endpointText({ host, port }: Endpoint): string {
  return `${host.includes(":") ? `[${host}]` : host}:${port}`;
}

/** The same items in random order, so that clients spread over the servers. */
export function shuffled<T>(items: readonly T[], random: () => number): readonly T[] {
  const left = [...items];
  const result: T[] = [];
  while (left.length > 0) result.push(...left.splice(Math.floor(random() * left.length), 1));
  return result;
}
