import { RegistryError, type ServiceKey, serviceKey } from "@dubbo-ts/core";

/**
 * One service on one port of one process, as interface-level registration writes it: Dubbo's provider URL. Never
 * changed: a change is a new object.
 */
export interface ServiceUrl {
  /** `dubbo`, `tri`. */
  readonly protocol: string;
  readonly host: string;
  readonly port: number;
  /** Without the leading slash: the interface, or a path of the provider's own. */
  readonly path: string;
  /** Without prototype, so any key is safe to ask for. */
  readonly params: Readonly<Record<string, string>>;
  /** Interface, group and version by its parameters; without `interface` the path counts. */
  readonly key: ServiceKey;
}

/** No provider has a longer one: methods and parameters of a large interface are a tenth of it. */
const maxCharacters = 64 * 1024;

/**
 * Makes a {@link ServiceUrl}. Parameters without a value are left out; `default.timeout`, as Dubbo 2.6 writes what
 * holds unless `timeout` is there, becomes `timeout` (`URLStrParser` in apache/dubbo).
 * @throws {RegistryError} INSTANCE_INVALID: no host, or no port from 1 to 65535.
 */
export function serviceUrl({
  protocol,
  host,
  port,
  path,
  params: given,
}: Omit<ServiceUrl, "key">): ServiceUrl {
  const params: Record<string, string> = Object.create(null);
  for (const [name, value] of Object.entries(given)) if (value !== "") params[name] = value;
  for (const [name, value] of Object.entries(params))
    if (name.startsWith("default.")) {
      delete params[name];
      params[name.slice("default.".length)] ??= value;
    }
  if (protocol === "" || host === "" || !Number.isInteger(port) || port < 1 || port > 65_535)
    throw invalid(`${protocol}://${host}:${port}`, "is no address");
  const { group, version } = params;
  const key = serviceKey(params["interface"] ?? path, { group, version });
  if (key.serviceInterface === "") throw invalid(`${protocol}://${host}:${port}`, "names no interface");
  return { protocol, host, port, path, params, key };
}

/**
 * Reads a URL as it stands in a node's or a key's name, percent-encoded once as a whole: Java and Go write the
 * values within it as they are (app-level discovery 11.1).
 * @throws {RegistryError} INSTANCE_INVALID.
 */
export function decodeServiceUrl(encoded: string): ServiceUrl {
  if (encoded.length > maxCharacters) throw invalid(encoded, `has ${encoded.length} characters`);
  try {
    return parseServiceUrl(formDecoded(encoded));
  } catch (cause) {
    if (!(cause instanceof URIError)) throw cause;
    throw invalid(encoded, "is not percent-encoded", { cause });
  }
}

/**
 * Reads `dubbo://10.0.0.1:20880/com.acme.Greeter?application=demo-app&…`. User and password before the host, and
 * what follows `#`, mean nothing to a consumer and are dropped.
 * @throws {RegistryError} INSTANCE_INVALID.
 */
export function parseServiceUrl(text: string): ServiceUrl {
  if (text.length > maxCharacters) throw invalid(text, `has ${text.length} characters`);
  const [, protocol = "", authority = "", path = "", query = ""] =
    /^([A-Za-z][A-Za-z0-9+.-]*):\/\/([^/?#]*)(?:\/([^?#]*))?(?:\?([^#]*))?(?:#.*)?$/s.exec(text) ?? [];
  if (protocol === "") throw invalid(text, "is no URL");
  const { host, port } = parseAuthority(authority.slice(authority.lastIndexOf("@") + 1));
  if (host === undefined) throw invalid(text, "has no host:port");
  return serviceUrl({ protocol, host, port, path, params: parseQuery(query) });
}

/** `host:port`, an IPv6 host with or without brackets: Java writes it without. */
function parseAuthority(text: string): { host: string | undefined; port: number } {
  const [, host, port] = /^(.+):(\d{1,5})$/.exec(text) ?? [];
  return { host: host?.replace(/^\[(.*)\]$/, "$1"), port: Number(port) };
}

function parseQuery(query: string): Record<string, string> {
  const params: Record<string, string> = Object.create(null);
  for (const pair of query.split("&")) {
    const at = pair.indexOf("=");
    if (at > 0) params[pair.slice(0, at)] = pair.slice(at + 1);
  }
  return params;
}

/**
 * The URL as text, parameters sorted by name and values as they are (app-level discovery 11.1). What this form cannot
 * carry, a `&` in a value or a `=` in a name, is left out: written all the same it would be read as other parameters.
 */
export function formatServiceUrl({ protocol, host, port, path, params }: ServiceUrl): string {
  const query = Object.entries(params)
    .filter(([name, value]) => !/[&=#]/.test(name) && !/[&#]/.test(value))
    .sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))
    .map(([name, value]) => `${name}=${value}`)
    .join("&");
  const where = host.includes(":") ? `[${host}]` : host;
  return `${protocol}://${where}:${port}/${path}${query === "" ? "" : `?${query}`}`;
}

/** {@link formatServiceUrl}, percent-encoded once as a whole, in the form of Java's `URLEncoder`: what nodes and keys are named. */
export function encodeServiceUrl(url: ServiceUrl): string {
  return formEncoded(formatServiceUrl(url));
}

/** As Java's `URLEncoder` does it: letters, digits and `.-*_` stay, a blank is `+`. */
export function formEncoded(text: string): string {
  return encodeURIComponent(text)
    .replace(/[!'()~]/g, (one) => `%${one.charCodeAt(0).toString(16).toUpperCase()}`)
    .replaceAll("%20", "+");
}

/** What is kept below the root beside interfaces (app-level discovery 12, 45). */
const notInterfaces: ReadonlySet<string> = new Set(["mapping", "metadata", "config"]);

/** The interface that a node or a part of a key names, as {@link formEncoded} wrote it; undefined: it is something else. */
export function interfaceNamed(node: string): string | undefined {
  if (notInterfaces.has(node)) return undefined;
  try {
    return formDecoded(node);
  } catch {
    return node;
  }
}

/** @throws {URIError} a percent sign that encodes nothing. */
function formDecoded(text: string): string {
  return decodeURIComponent(text.replaceAll("+", "%20"));
}

/** What sets registrations apart: two URLs with one id are states of the same one. */
export function serviceUrlId({ protocol, host, port, key }: ServiceUrl): string {
  return `${protocol}://${host}:${port}/${key.text}`;
}

function invalid(text: string, why: string, options?: ErrorOptions): RegistryError {
  // A token may be among the parameters.
  const shown = text.split(/\?|%3F/i, 1)[0]?.slice(0, 200) ?? "";
  return new RegistryError("INSTANCE_INVALID", `provider URL ${JSON.stringify(shown)} ${why}`, options);
}

/** What stands for something else than a provider where providers are listed (`UrlUtils` in apache/dubbo). */
const otherProtocols: ReadonlySet<string> = new Set([
  "override",
  "route",
  "condition",
  "empty",
  "consumer",
  "absent",
]);

/** True for a provider: neither a rule nor a consumer, whose category may be any. */
export function isProviderUrl({ protocol, params }: ServiceUrl): boolean {
  return (params["category"] ?? "providers") === "providers" && !otherProtocols.has(protocol);
}
