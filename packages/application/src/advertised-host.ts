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
  /** `application.host` of the configuration: what is registered, wherever it listens. */
  readonly registered?: string | undefined;
  /** True when all registries are seen from this machine only. */
  readonly loopbackOnly: boolean;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** The addresses of this machine. Default: the real ones. */
  readonly addresses?: readonly {
    readonly address: string;
    readonly family: string;
    readonly internal: boolean;
  }[];
}

/**
 * `DUBBO_IP_TO_REGISTRY` wins as the registered host, as in Java and Go; then the configured hosts; then the first
 * IPv4 address that is not loopback. With registries that only this machine sees it is 127.0.0.1.
 */
export function chooseHosts(question: HostQuestion): Hosts {
  const { configured, registered, loopbackOnly, env, addresses = machineAddresses() } = question;
  const any = configured === undefined || configured === "0.0.0.0" || configured === "::";
  const told = env["DUBBO_IP_TO_REGISTRY"] || registered || (any ? undefined : configured);
  const outside = addresses.find(({ family, internal }) => family === "IPv4" && !internal);
  const found = loopbackOnly ? undefined : outside?.address;
  const advertised = told ?? found ?? "127.0.0.1";
  // Where nobody from outside is expected, nobody is let in; an address told by hand may be an outer one.
  const own = loopbackOnly && (told === undefined || told === "127.0.0.1") ? "127.0.0.1" : undefined;
  return { listen: configured ?? own, advertised };
}

function machineAddresses() {
  return Object.values(networkInterfaces()).flatMap((list) => list ?? []);
}
