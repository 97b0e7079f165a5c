import { type Logger, RegistryError } from "@dubbo-ts/core";
import { isProviderUrl, type ServiceUrl, serviceUrl, serviceUrlId } from "@dubbo-ts/discovery";
import type { NacosInstance, NewInstance } from "@dubbo-ts/nacos-client";

/** Keys and values of an instance together: more is refused by servers from 2.3 on (app-level discovery 2.5). */
const maxMetadataLength = 1_024;

/** What Java keeps of a URL with `simplified=true` (app-level discovery 11.5), and what our routing and warm-up need. */
const essential: ReadonlySet<string> = new Set(
  (
    "application codec exchanger serialization prefer.serialization cluster connections deprecated group loadbalance " +
    "mock path timeout token version warmup weight dubbo release side ipv6 interface retries dubbo.tag timestamp " +
    "category protocol"
  ).split(" "),
);
/** Without these a call cannot be made, or would be made wrongly. */
const needed: ReadonlySet<string> = new Set(
  "application dubbo release side interface group version token path protocol category serialization weight".split(
    " ",
  ),
);

/**
 * The Nacos instance of a provider URL, weight 1 as Java's: the URL's own weight is a parameter. Where the parameters
 * are more than a server takes, `methods` goes first (nothing calls by it), then what only tunes.
 * @throws {RegistryError} INSTANCE_METADATA_TOO_LARGE: what is left is still too large; names the keys.
 */
export function hostOfUrl(url: ServiceUrl, clusterName: string, log: Logger): NewInstance {
  const { protocol, host: ip, port, path, params } = url;
  const all = { ...params, category: "providers", protocol, path };
  const keep = (wanted: (name: string) => boolean) =>
    Object.fromEntries(Object.entries(all).filter(([name]) => wanted(name)));
  const isEssential = (name: string) =>
    essential.has(name) || essential.has(name.slice(name.lastIndexOf(".") + 1));
  const forms = [
    all,
    keep((name) => name !== "methods"),
    keep(isEssential),
    keep((name) => needed.has(name)),
  ];
  const metadata = forms.find((form) => lengthOf(form) <= maxMetadataLength);
  if (metadata === undefined) throw tooLarge(url, forms.at(-1) ?? all);
  if (metadata !== all) {
    const left = Object.keys(all).filter((name) => !Object.hasOwn(metadata, name));
    const facts = { service: serviceUrlId(url), characters: lengthOf(all), leftOut: left };
    log.warn(facts, "a provider URL was too large for Nacos: parameters were left out");
  }
  return { ip, port, weight: 1, clusterName, metadata };
}

function lengthOf(metadata: Readonly<Record<string, string>>): number {
  return Object.entries(metadata).reduce((sum, [key, value]) => sum + key.length + value.length, 0);
}

function tooLarge(url: ServiceUrl, metadata: Readonly<Record<string, string>>): RegistryError {
  const list = Object.entries(metadata)
    .map(([key, value]) => ({ key, size: key.length + value.length }))
    .sort((a, b) => b.size - a.size)
    .map(({ key, size }) => `${key} ${size}`)
    .join(", ");
  const text = `parameters of ${serviceUrlId(url)} have ${lengthOf(metadata)} characters, Nacos takes ${maxMetadataLength}: ${list}`;
  return new RegistryError("INSTANCE_METADATA_TOO_LARGE", text);
}

/** Turns the lists of one service into provider URLs; a host that did not change gives the same object. */
export class HostUrls {
  readonly #read = new WeakMap<NacosInstance, { readonly url: ServiceUrl | undefined }>();

  constructor(
    private readonly name: string,
    private readonly log: Logger,
  ) {}

  /** Without those that are switched off, and without those that the server found ill unless all are. */
  read(hosts: readonly NacosInstance[]): readonly ServiceUrl[] {
    const enabled = hosts.filter((host) => host.enabled);
    const healthy = enabled.filter((host) => host.healthy);
    return (healthy.length > 0 ? healthy : enabled).flatMap((host) => this.#one(host) ?? []);
  }

  #one(host: NacosInstance): ServiceUrl | undefined {
    let known = this.#read.get(host);
    if (known === undefined) this.#read.set(host, (known = { url: this.#decode(host) }));
    return known.url;
  }

  #decode({ ip: host, port, metadata, weight }: NacosInstance): ServiceUrl | undefined {
    const { protocol = "", path = "", ...others } = metadata;
    // The console's zero means no traffic; its other weights are not the share that `weight` is, and Java ignores them.
    const params = weight <= 0 ? { ...others, weight: "0" } : others;
    try {
      const url = serviceUrl({ protocol, host, port, path: path.replace(/^\//, ""), params });
      return isProviderUrl(url) ? url : undefined;
    } catch (err) {
      this.log.warn({ err, service: this.name, host, port }, "a provider that cannot be read is left out");
      return undefined;
    }
  }
}
