import { ConfigError, type Endpoint, endpoint, type Resolution } from "@dubbo-ts/core";

const defaultPorts: Readonly<Record<string, number>> = { dubbo: 20880, tri: 50051 };

/**
 * Addresses that were given by hand, as what a registry would have said.
 *
 * @param urls `dubbo://host:port`; a path and parameters are ignored.
 * @throws {ConfigError} ADDRESS_INVALID: no such URL; UNKNOWN_PROTOCOL: not one of `spoken`.
 */
export function directEndpoints(urls: readonly string[], spoken: readonly string[]): Resolution {
  return {
    state: "resolved",
    endpoints: urls.map((url) => endpointOf(url, spoken)),
    params: {},
    stale: false,
  };
}

function endpointOf(text: string, spoken: readonly string[]): Endpoint {
  const [, protocol = "", bracketed, plain, portText] =
    /^([a-z][a-z0-9+.-]*):\/\/(?:\[([0-9A-Fa-f:.]+)\]|([\w.-]+))(?::(\d+))?(?:[/?].*)?$/.exec(text.trim()) ??
    [];
  const host = bracketed ?? plain;
  const port = portText === undefined ? defaultPorts[protocol] : Number(portText);
  // A token may be among the parameters, a password before the host.
  const shown = JSON.stringify(text.replace(/[?].*$/s, "").replace(/\/\/.*@/s, "//"));
  if (host === undefined || port === undefined || port < 1 || port > 65_535)
    throw new ConfigError("ADDRESS_INVALID", `url ${shown}: protocol://host:port is wanted`);
  if (!spoken.includes(protocol))
    throw new ConfigError("UNKNOWN_PROTOCOL", `url ${shown}: unknown protocol; known: ${spoken.join(", ")}`);
  return endpoint({ protocol, host, port });
}
