import { ConfigError } from "@dubbo-ts/core";

/** One server of a {@link RegistryAddress}. */
export interface RegistryHost {
  /** A name or an IP address, IPv6 without brackets. */
  readonly host: string;
  readonly port: number;
}

/** A registry URL, read once: `scheme://user:password@host:port,host:port/path?key=value`. */
export interface RegistryAddress {
  /** Lower case; `etcdv3` is read as `etcd`, `zk` as `zookeeper`. */
  readonly scheme: string;
  /** In the order given, those of `backup` last. Empty for `memory://` and `local://`. */
  readonly hosts: readonly RegistryHost[];
  readonly username: string | undefined;
  /** Not to be printed: print {@link safeText}. */
  readonly password: string | undefined;
  /** With its leading slash; empty when there is none: a chroot, a context path. */
  readonly path: string;
  /** All parameters but `backup`. */
  readonly params: Readonly<Record<string, string>>;
  /** `scheme://host:port,host:port/path`, without user, password and parameters: for people and logs. */
  readonly safeText: string;
}

/** Ports of schemes whose servers have one that everybody knows. Nacos SDKs, ZooKeeper, etcd and Redis agree on theirs. */
const defaultPorts: Readonly<Record<string, number>> = {
  nacos: 8848,
  zookeeper: 2181,
  etcd: 2379,
  redis: 6379,
  rediss: 6379,
  local: 8848,
};

/** Spellings of Java and Go. */
const schemeAliases: Readonly<Record<string, string>> = { zk: "zookeeper", etcdv3: "etcd", etcd3: "etcd" };

/** Schemes that need no server named. */
const hostless: ReadonlySet<string> = new Set(["memory", "local"]);

/** Longer texts are no addresses. */
const maxLength = 4_096;

/**
 * Reads a registry URL (app-level discovery 10): several servers after commas or in `backup`, IPv6 in brackets,
 * user, password and parameters percent-encoded where they have to be. A port that is left out is the scheme's.
 * @param defaultScheme for texts without `scheme://`, as Go has them beside `protocol:`.
 * @throws {ConfigError} ADDRESS_INVALID: the message says what is wrong, without user, password or parameters.
 */
export function parseRegistryAddress(text: string, defaultScheme?: string): RegistryAddress {
  if (text.length > maxLength) throw invalid("address", `longer than ${maxLength} characters`);
  // Spaces and control characters are refused before anything is put into a message.
  const match =
    /^(?:([A-Za-z][A-Za-z0-9+.-]*):\/\/)?([^/?#\s\p{Cc}]*)(\/[^?#\s\p{Cc}]*)?(?:\?([^#\s\p{Cc}]*))?$/u.exec(
      text.trim().replace(/\s*,\s*/g, ","),
    );
  if (match === null) throw invalid("address", "is no scheme://host:port/path?key=value");
  const [, named, authorityText = "", path = "", query = ""] = match;
  const spelled = (named ?? defaultScheme)?.toLowerCase();
  if (spelled === undefined) throw invalid("address", "has no scheme, as in nacos://host:8848");
  const scheme = schemeAliases[spelled] ?? spelled;
  // A password may hold an @ that nobody encoded.
  const at = authorityText.lastIndexOf("@");
  const credentials = at < 0 ? undefined : authorityText.slice(0, at);
  const where = `address ${scheme}://${authorityText.slice(at + 1)}${path}`;
  const { backup, ...params } = parseQuery(query, where);
  const hosts = parseHosts([authorityText.slice(at + 1), backup ?? ""].join(","), scheme, where);
  if (hosts.length === 0 && !hostless.has(scheme)) throw invalid(where, "names no host");
  return Object.freeze({
    scheme,
    hosts,
    ...parseCredentials(credentials, where),
    path: path === "/" ? "" : path,
    params: Object.freeze(Object.assign(Object.create(null) as Record<string, string>, params)),
    safeText: `${scheme}://${hosts.map(hostText).join(",")}${path === "/" ? "" : path}`,
  });
}

function parseHosts(text: string, scheme: string, where: string): readonly RegistryHost[] {
  const parts = text
    .split(",")
    .map((part) => part.trim())
    .filter((part) => part !== "");
  return Object.freeze(parts.map((part) => parseHost(part, scheme, where)));
}

function parseHost(text: string, scheme: string, where: string): RegistryHost {
  const [, bracketed, plain, portText] =
    /^(?:\[([0-9A-Fa-f:.]+(?:%\w+)?)\]|([\w.-]+))(?::(\d+))?$/.exec(text) ?? [];
  const host = bracketed ?? plain;
  if (host === undefined) throw invalid(where, `${JSON.stringify(text)} is no host:port`);
  const port = portText === undefined ? defaultPorts[scheme] : Number(portText);
  if (port === undefined)
    throw invalid(where, `${JSON.stringify(text)} has no port, and ${scheme} no default`);
  if (port < 1 || port > 65_535) throw invalid(where, `port ${portText} is not between 1 and 65535`);
  return Object.freeze({ host, port });
}

function hostText({ host, port }: RegistryHost): string {
  return `${host.includes(":") ? `[${host}]` : host}:${port}`;
}

function parseCredentials(
  text: string | undefined,
  where: string,
): Pick<RegistryAddress, "username" | "password"> {
  if (text === undefined) return { username: undefined, password: undefined };
  const colon = text.indexOf(":");
  const username = decode(colon < 0 ? text : text.slice(0, colon), where, "the user");
  const password = colon < 0 ? undefined : decode(text.slice(colon + 1), where, "the password");
  return { username, password };
}

function parseQuery(query: string, where: string): Record<string, string> {
  const params = Object.create(null) as Record<string, string>;
  for (const pair of query.split("&")) {
    if (pair === "") continue;
    const equals = pair.indexOf("=");
    const name = decode(equals < 0 ? pair : pair.slice(0, equals), where, "a parameter");
    params[name] =
      equals < 0 ? "" : decode(pair.slice(equals + 1), where, `parameter ${JSON.stringify(name)}`);
  }
  return params;
}

function decode(text: string, where: string, what: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw invalid(where, `${what} is not percent-encoded text`);
  }
}

function invalid(where: string, why: string): ConfigError {
  return new ConfigError("ADDRESS_INVALID", `${where}: ${why}`);
}

/** Where a program may name its registry beside its file. */
export interface RegistryChoice {
  /** `process.argv.slice(2)`: `--registry <url>` or `--registry=<url>`. */
  readonly argv?: readonly string[];
  /** `process.env`: `DUBBO_REGISTRY`. */
  readonly env?: Readonly<Record<string, string | undefined>>;
}

/**
 * The registry URL that the command line names, or else the environment; undefined when neither does and the
 * configuration's registries hold.
 * @throws {ConfigError} ADDRESS_INVALID: `--registry` without a URL.
 */
export function chosenRegistry({ argv = [], env = {} }: RegistryChoice): string | undefined {
  for (const [index, argument] of argv.entries()) {
    if (argument === "--") break;
    const url =
      argument === "--registry" ? (argv[index + 1] ?? "") : /^--registry=(.*)$/s.exec(argument)?.[1];
    if (url === undefined) continue;
    if (url === "" || url.startsWith("--"))
      throw invalid("--registry", "needs a URL, as in nacos://127.0.0.1:8848");
    return url;
  }
  const fromEnvironment = env["DUBBO_REGISTRY"];
  return fromEnvironment === "" ? undefined : fromEnvironment;
}
