import { type Body, bodiesOf, bodyOf, flagOf, numberOf, textMapOf, textOf } from "./body.js";

/** Names a service within the namespace. */
export interface ServiceName {
  readonly name: string;
  /** Default `DEFAULT_GROUP`. */
  readonly group?: string;
}

/** What a program announces. */
export interface NewInstance {
  /** An address or host name, without blanks. */
  readonly ip: string;
  readonly port: number;
  /** Default 1. At 0 and below nobody picks it. */
  readonly weight?: number;
  /** Default true. */
  readonly healthy?: boolean;
  /** Default true. Instances that are not enabled are left out of all lists by the server. */
  readonly enabled?: boolean;
  /**
   * Default true: it lives as long as the connection, and is brought back on each new one. False: it stays until it is
   * deregistered, the server probes it, and nothing is brought back. A service has instances of one kind only.
   */
  readonly ephemeral?: boolean;
  /** Letters, digits and `-`. Default `DEFAULT`. */
  readonly clusterName?: string;
  /** Keys and values together at most 1024 characters. */
  readonly metadata?: Readonly<Record<string, string>>;
}

/** An instance as a server lists it. Immutable. */
export interface NacosInstance {
  /** What the server calls it. Not unique: two connections may announce one address (nacos-server 8). */
  readonly instanceId: string;
  readonly ip: string;
  readonly port: number;
  readonly weight: number;
  readonly healthy: boolean;
  readonly enabled: boolean;
  readonly ephemeral: boolean;
  readonly clusterName: string;
  /** Without prototype, so any key is safe to ask for. */
  readonly metadata: Readonly<Record<string, string>>;
}

/** A list of instances as a server gives it. */
export interface ServiceInfo {
  readonly name: string;
  readonly group: string;
  /** In a fixed order, whatever the server's was. */
  readonly hosts: readonly NacosInstance[];
  /** The sending server's wall clock, ms; 0 when it did not say. Comparable within one connection only. */
  readonly lastRefTime: number;
  /** So few are healthy that the server calls all of them healthy. */
  readonly reachProtectionThreshold: boolean;
}

/** The group of those who name none. */
export const defaultGroup = "DEFAULT_GROUP";

/** `group@@name`: the key of a service. */
export function serviceKey({ name, group = defaultGroup }: ServiceName): string {
  return `${group}@@${name}`;
}

/** What sets instances of one service apart: `ip#port#cluster`. */
export function instanceKey({ ip, port, clusterName = "DEFAULT" }: NewInstance): string {
  return `${ip}#${port}#${clusterName}`;
}

/** The JSON of an instance, with every field: there are strict readers (registries G16). */
export function encodeInstance(instance: NewInstance): Body {
  const {
    ip,
    port,
    weight = 1,
    healthy = true,
    enabled = true,
    clusterName = "DEFAULT",
    metadata = {},
    ephemeral = true,
  } = instance;
  // serviceName stays empty: the server then puts the group into the instanceId (nacos-server 8, A1.6).
  const fixed = { instanceId: "", serviceName: "" };
  return { ...fixed, ephemeral, ip, port, weight, healthy, enabled, clusterName, metadata };
}

/** Reads the ServiceInfo of an answer or a push: registries A1.6. Hosts without an address are left out. */
function decodeServiceInfo(info: Body): ServiceInfo {
  const fullName = textOf(info, "name");
  const at = fullName.indexOf("@@");
  return {
    name: at < 0 ? fullName : fullName.slice(at + 2),
    group: textOf(info, "groupName") || (at < 0 ? defaultGroup : fullName.slice(0, at)),
    hosts: bodiesOf(info, "hosts")
      .map(decodeInstance)
      .filter((host) => host !== undefined)
      .sort(byAddress),
    lastRefTime: numberOf(info, "lastRefTime"),
    reachProtectionThreshold: flagOf(info, "reachProtectionThreshold"),
  };
}

/** The ServiceInfo inside `body`, an empty one when it is missing. */
export function serviceInfoOf(body: Body): ServiceInfo {
  return decodeServiceInfo(bodyOf(body, "serviceInfo") ?? {});
}

/** The {@link instanceKey}s of the ServiceInfo inside `body`: who looks for an address alone reads no metadata of hundreds. */
export function listedKeys(body: Body): ReadonlySet<string> {
  const hosts = bodiesOf(bodyOf(body, "serviceInfo") ?? {}, "hosts");
  return new Set(hosts.map((host) => instanceKey(addressOf(host))));
}

/** The request that lists all instances of the service of `base`. */
export function queryBody(base: Body): Body {
  return { ...base, cluster: "", healthyOnly: false, udpPort: 0 };
}

function addressOf(host: Body): Pick<NacosInstance, "ip" | "port" | "clusterName"> {
  const clusterName = textOf(host, "clusterName") || "DEFAULT";
  return { ip: textOf(host, "ip"), port: numberOf(host, "port"), clusterName };
}

function decodeInstance(host: Body): NacosInstance | undefined {
  const address = addressOf(host);
  if (address.ip === "") return undefined;
  return Object.freeze({
    instanceId: textOf(host, "instanceId"),
    ...address,
    weight: numberOf(host, "weight", 1),
    healthy: flagOf(host, "healthy", true),
    enabled: flagOf(host, "enabled", true),
    ephemeral: flagOf(host, "ephemeral", true),
    metadata: textMapOf(host, "metadata"),
  });
}

function byAddress(a: NacosInstance, b: NacosInstance): number {
  return (
    compare(a.ip, b.ip) ||
    a.port - b.port ||
    compare(a.clusterName, b.clusterName) ||
    compare(JSON.stringify(a.metadata), JSON.stringify(b.metadata))
  );
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/**
 * `next` with the objects of `previous` wherever an instance did not change; `previous` itself when none did.
 * So readers may compare by identity.
 */
export function keepUnchanged(
  previous: readonly NacosInstance[],
  next: readonly NacosInstance[],
): readonly NacosInstance[] {
  const known = new Map<string, NacosInstance[]>();
  for (const host of previous) known.set(instanceKey(host), [...(known.get(instanceKey(host)) ?? []), host]);
  const kept = next.map((host) => {
    const same = known.get(instanceKey(host)) ?? [];
    const at = same.findIndex((old) => equalInstances(old, host));
    return at < 0 ? host : (same.splice(at, 1)[0] ?? host);
  });
  const unchanged = kept.length === previous.length && kept.every((host, index) => host === previous[index]);
  return unchanged ? previous : Object.freeze(kept);
}

function equalInstances(a: NacosInstance, b: NacosInstance): boolean {
  const { metadata, ...fields } = a;
  const names = Object.keys(metadata);
  return (
    Object.entries(fields).every(([name, value]) => b[name as keyof typeof fields] === value) &&
    names.length === Object.keys(b.metadata).length &&
    names.every((name) => b.metadata[name] === metadata[name])
  );
}
