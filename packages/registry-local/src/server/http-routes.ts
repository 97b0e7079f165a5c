import type { ConfigStore } from "./config-store.js";
import type { HttpAnswer, HttpRequest } from "./http-endpoint.js";
import { HandlerError } from "./messages.js";
import { hostOf } from "./naming-handlers.js";
import type { NamingStore, ServiceName } from "./naming-store.js";
import { checkNaming } from "./param-check.js";

type Fields = HttpRequest["fields"];
type Route = (fields: Fields) => unknown;

/**
 * What is asked over HTTP beside gRPC, of the API of 1.x to 3.x: clients of Java and Go log in, ask whether the server is up
 * and, Go, keep persistent instances (`security_proxy.go`, `naming_http_proxy.go` of nacos-sdk-go 2.3); operators list
 * instances and change them. Whoever wants to log in may: there is nothing to protect.
 */
export function httpRoutes(naming: NamingStore, configs: ConfigStore): (request: HttpRequest) => HttpAnswer {
  const routes: Readonly<Record<string, Route>> = {
    "GET v1/ns/operator/metrics": () => ({ status: "UP" }),
    "GET v1/console/server/state": () => ({
      version: "2.3.2",
      standalone_mode: "standalone",
      function_mode: null,
    }),
    ...either("GET", ["v1/console/health/readiness", "v2/console/health/readiness"], () => "OK"),
    "GET v3/admin/core/state/readiness": () => done("ok"),
    ...either("POST", ["v1/auth/users/login", "v1/auth/login", "v3/auth/user/login"], login),
    ...either("GET", namespacePaths, () => done(namespaces(naming))),
    "GET v1/ns/instance/list": (fields) => list(naming, fields),
    "POST v1/ns/instance": (fields) => addPersistent(naming, fields),
    "DELETE v1/ns/instance": (fields) => removePersistent(naming, fields),
    "PUT v1/ns/instance": (fields) => changeInstance(naming, fields),
    "PUT v3/admin/ns/instance": (fields) => done(changeInstance(naming, fields)),
    ...either("POST", servicePaths, (fields) => done(protect(naming, fields))),
    ...either("PUT", servicePaths, (fields) => done(protect(naming, fields))),
    ...either("GET", servicePaths, (fields) => done(service(naming, fields))),
    "GET v1/cs/configs": (fields) => content(configs, fields),
  };
  return ({ method, path, fields }) => {
    const route = routes[`${method} ${path}`];
    if (route === undefined) return { status: 404, body: `no ${method} ${path} in the embedded registry` };
    try {
      return { status: 200, body: route(fields) };
    } catch (error) {
      if (!(error instanceof HandlerError)) throw error;
      return { status: error.code, body: error.message };
    }
  };
}

const namespacePaths = [
  "v1/console/namespaces",
  "v2/console/namespace/list",
  "v3/admin/core/namespace/list",
] as const;
const servicePaths = ["v1/ns/service", "v2/ns/service", "v3/admin/ns/service"] as const;

function either(method: string, paths: readonly string[], route: Route): Record<string, Route> {
  return Object.fromEntries(paths.map((path) => [`${method} ${path}`, route]));
}

function done(data: unknown): object {
  return { code: 0, message: "success", data };
}

function login({ username = "" }: Fields): object {
  return { accessToken: "embedded", tokenTtl: 18_000, globalAdmin: true, username };
}

function namespaces(naming: NamingStore): readonly object[] {
  const ids = new Set(["public", ...naming.namespaces]);
  return [...ids].map((id) => ({ namespace: id === "public" ? "" : id, namespaceShowName: id }));
}

function list(naming: NamingStore, fields: Fields): object {
  const name = nameOf(fields);
  return {
    ...naming.info(name, fields["clusters"] ?? "", fields["healthyOnly"] === "true"),
    name: `${name.group}@@${name.name}`,
  };
}

function addPersistent(naming: NamingStore, fields: Fields): string {
  if (fields["ephemeral"] !== "false")
    throw new HandlerError(400, "ephemeral instances are registered over gRPC, on the port 1000 above");
  const { name, host } = hostIn(fields);
  naming.keep(name, host);
  return "ok";
}

function removePersistent(naming: NamingStore, fields: Fields): string {
  const { name, host } = hostIn(fields);
  naming.drop(name, host);
  return "ok";
}

function changeInstance(naming: NamingStore, fields: Fields): string {
  const { name, host } = hostIn(fields);
  const { weight, enabled, metadata } = fields;
  const change = {
    ...(weight !== undefined && { weight: host.weight }),
    ...(enabled !== undefined && { enabled: enabled === "true" }),
    ...(metadata !== undefined && { metadata: host.metadata }),
  };
  if (!naming.change(name, host, change)) throw new HandlerError(400, "instance not found");
  return "ok";
}

function protect(naming: NamingStore, fields: Fields): string {
  const threshold = Number(fields["protectThreshold"] ?? 0);
  if (!(threshold >= 0 && threshold <= 1)) throw new HandlerError(400, "protectThreshold is between 0 and 1");
  naming.protect(nameOf(fields), threshold);
  return "ok";
}

function service(naming: NamingStore, fields: Fields): object {
  const name = nameOf(fields);
  if (!naming.has(name)) throw new HandlerError(404, `service ${name.group}@@${name.name} is not found`);
  return { namespace: name.namespace, groupName: name.group, serviceName: name.name };
}

function content(configs: ConfigStore, { dataId = "", group = "", tenant = "" }: Fields): string {
  const value = configs.get({ dataId, group, tenant: tenant === "public" ? "" : tenant });
  if (value === undefined) throw new HandlerError(404, "config data not exist");
  return value.content;
}

function hostIn(fields: Fields): { name: ServiceName; host: ReturnType<typeof hostOf> } {
  const name = nameOf(fields);
  const { ip, port, clusterName, weight, enabled, healthy, metadata } = fields;
  const instance = {
    ip,
    port: Number(port),
    clusterName: clusterName ?? fields["cluster"],
    ephemeral: false,
    ...(weight !== undefined && { weight: Number(weight) }),
    ...(enabled !== undefined && { enabled: enabled !== "false" }),
    ...(healthy !== undefined && { healthy: healthy !== "false" }),
    metadata: metadataIn(metadata),
  };
  const { namespace, group: groupName, name: serviceName } = name;
  const wrong = checkNaming({ namespace, groupName, serviceName, instance });
  if (wrong !== undefined) throw new HandlerError(400, wrong);
  return { name, host: hostOf(name, instance) };
}

/** Go writes JSON, people also `a=b,c=d`. */
function metadataIn(text = ""): Record<string, unknown> {
  if (text.trim() === "") return {};
  try {
    return JSON.parse(text) as Record<string, unknown>;
  } catch {
    return Object.fromEntries(text.split(",").map((pair) => pair.split("=", 2)));
  }
}

/** The group may stand before the name: `group@@name`. */
function nameOf({ namespaceId = "", groupName = "", serviceName = "" }: Fields): ServiceName {
  const [first = "", second] = serviceName.split("@@", 2);
  const name = second ?? first;
  const group = second === undefined ? groupName : first;
  if (name === "") throw new HandlerError(400, "Param 'serviceName' is required.");
  return { namespace: namespaceId || "public", group: group || "DEFAULT_GROUP", name };
}
