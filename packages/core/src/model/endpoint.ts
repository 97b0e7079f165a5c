/**
 * Protocol, host and port of one instance, with what a load balancer needs to know of it. Interned by the
 * discovery: the services of one instance that agree in all fields share one object, which keeps an
 * (interface, instance) pair as small as a pointer.
 */
export interface Endpoint {
  /** `dubbo`, `tri`. */
  readonly protocol: string;
  readonly host: string;
  readonly port: number;
  /** `protocol://host:port`: equal keys mean the same connection. */
  readonly key: string;
  /** The application that registered it; empty for an address that was given by hand. */
  readonly application: string;
  /** Share of the traffic beside others. Default 100; 0 means none. */
  readonly weight: number;
  /** When the provider started, ms since 1970: young providers get less traffic. Undefined: not told. */
  readonly startedAtMs: number | undefined;
  /** How long a provider counts as young. Default 600,000 ms. */
  readonly warmupMs: number;
  /** `dubbo.tag`, for tag routing. */
  readonly tag: string | undefined;
}

/** The fields of an {@link Endpoint} that have no default. */
export type EndpointAddress = Pick<Endpoint, "protocol" | "host" | "port">;

/** `protocol://host:port`, an IPv6 host in brackets. */
export function endpointKey({ protocol, host, port }: EndpointAddress): string {
  return `${protocol}://${host.includes(":") ? `[${host}]` : host}:${port}`;
}

/** Makes an {@link Endpoint} with Dubbo's defaults (weight 100, warm-up ten minutes). */
export function endpoint(address: EndpointAddress & Partial<Endpoint>): Endpoint {
  const {
    protocol,
    host,
    port,
    application = "",
    weight = 100,
    startedAtMs,
    warmupMs = 600_000,
    tag,
  } = address;
  return { protocol, host, port, key: endpointKey(address), application, weight, startedAtMs, warmupMs, tag };
}
