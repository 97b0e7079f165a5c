import { networkInterfaces } from "node:os";

/** Where a provider listens, and the host that it registers. */
export interface Hosts {
  /** Undefined: every interface. */
  readonly listen: string | undefined;
  readonly advertised: string;
}

/** What {@link chooseHosts} decides by. */
export interface HostQuestion {
  /** `protocols.*.host` of the configuration. */
  readonly configured: string | undefined;
  /** True when all registries are seen from this machine only. */
  readonly loopbackOnly: boolean;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** The addresses of this machine. Default: the real ones. */
  readonly addresses?: readonly { readonly address: string; readonly family: string; readonly internal: boolean }[];
}

/**
 * `DUBBO_IP_TO_REGISTRY` wins as the registered host, as in Java and Go; then the configured host; then the first
 * IPv4 address that is not loopback. With registries that only this machine sees it is 127.0.0.1.
 */
export function chooseHosts({ configured, loopbackOnly, env, addresses = machineAddresses() }: HostQuestion): Hosts {
  const any = configured === undefined || configured === "0.0.0.0" || configured === "::";
  const listen = any ? (configured ?? (loopbackOnly ? "127.0.0.1" : undefined)) : configured;
  const told = env["DUBBO_IP_TO_REGISTRY"];
  if (told !== undefined && told !== "") return { listen, advertised: told };
  if (!any) return { listen, advertised: configured };
  const outside = addresses.find(({ family, internal }) => family === "IPv4" && !internal);
  return { listen, advertised: loopbackOnly ? "127.0.0.1" : (outside?.address ?? "127.0.0.1") };
}

function machineAddresses() {
  return Object.values(networkInterfaces()).flatMap((list) => list ?? []);
}
