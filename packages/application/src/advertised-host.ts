import type { MachineAddress } from "@dubbo-ts/core";
import type { ListenOptions } from "@dubbo-ts/rpc";

/** Where a provider listens, and the host that it registers. */
export interface Hosts {
  /** Without `host`: every interface. */
  readonly listen: Omit<ListenOptions, "port">;
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
  /** The addresses of this machine. */
  readonly addresses: readonly MachineAddress[];
}

/**
 * `DUBBO_IP_TO_REGISTRY` wins as the registered host, as in Java and Go; then the configured hosts; then the first
 * IPv4 address that is not loopback. With registries that only this machine sees it is 127.0.0.1, and only programs
 * of this machine are served, at whatever address of it: Java's consumers put an outer one in place of 127.0.0.1.
 */
export function chooseHosts(question: HostQuestion): Hosts {
  const { configured, registered, loopbackOnly, env, addresses } = question;
  const any = configured === undefined || configured === "0.0.0.0" || configured === "::";
  const told = env["DUBBO_IP_TO_REGISTRY"] || registered || (any ? undefined : configured);
  const outside = addresses.find(({ family, internal }) => family === "IPv4" && !internal);
  const found = loopbackOnly ? undefined : outside?.address;
  return { listen: listenOf(configured, loopbackOnly, told), advertised: told ?? found ?? loopback };
}

const loopback = "127.0.0.1";

/** Where nobody from outside is expected, nobody is let in; an address told by hand may be an outer one. */
function listenOf(
  configured: string | undefined,
  loopbackOnly: boolean,
  told: string | undefined,
): Hosts["listen"] {
  if (configured !== undefined) return { host: configured };
  if (loopbackOnly && told === undefined) return { host: loopback, ownMachine: true };
  return { host: loopbackOnly && told === loopback ? loopback : undefined };
}
