import type { Connection } from "./connection.js";
import {
  asBody,
  type Body,
  HandlerError,
  integerOf,
  type Message,
  objectsOf,
  refusal,
  success,
  textOf,
} from "./messages.js";
import type { Hold } from "./hold.js";
import type { Host, NamingStore, ServiceName } from "./naming-store.js";
import { checkNaming } from "./param-check.js";

/** Answers one request of a client. May throw {@link HandlerError}. */
export type Handler = (body: Body, connection: Connection) => Message | Promise<Message>;

/** The naming requests (registries A1.6), by type. */
export function namingHandlers(store: NamingStore, hold: Hold): Readonly<Record<string, Handler>> {
  const handlers: Record<string, Handler> = {
    InstanceRequest(body, connection) {
      const name = serviceName(body);
      const type = textOf(body, "type") ?? "null";
      const instance = asBody(body["instance"]);
      if (instance === undefined) throw new HandlerError(400, "Instance can not be null.");
      if (type === "registerInstance") store.publish(connection, name, [hostOf(name, instance)]);
      else if (type === "deregisterInstance") store.withdraw(connection, name);
      else throw new HandlerError(400, `Unsupported request type ${type}`);
      return success("InstanceRequest", { type });
    },
    BatchInstanceRequest(body, connection) {
      const name = serviceName(body);
      const type = textOf(body, "type") ?? "null";
      if (type !== "batchRegisterInstance") throw new HandlerError(400, `Unsupported request type ${type}`);
      const hosts = objectsOf(body, "instances").map((instance) => hostOf(name, instance));
      store.publish(connection, name, hosts);
      return success("BatchInstanceRequest", { type });
    },
    PersistentInstanceRequest(body) {
      const name = serviceName(body);
      const type = textOf(body, "type") ?? "null";
      const instance = asBody(body["instance"]);
      if (instance === undefined) throw new HandlerError(400, "Instance can not be null.");
      const host = hostOf(name, { ...instance, ephemeral: false });
      if (type === "registerInstance") store.keep(name, host);
      else if (type === "deregisterInstance") store.drop(name, host);
      else throw new HandlerError(400, `Unsupported request type ${type}`);
      return success("PersistentInstanceRequest", { type });
    },
    async SubscribeServiceRequest(body, connection) {
      const name = serviceName(body);
      const clusters = textOf(body, "clusters") ?? "";
      if (body["subscribe"] === false) store.unsubscribe(connection, name);
      else store.subscribe(connection, name, clusters);
      await hold.over;
      const fields = { message: "success", serviceInfo: store.info(name, clusters) };
      return success("SubscribeServiceRequest", fields);
    },
    async ServiceQueryRequest(body) {
      await hold.over;
      if (!isNamed(body)) return success("ServiceQueryRequest", { serviceInfo: nothingOf(store, body) });
      const name = serviceName(body);
      const info = store.info(name, textOf(body, "cluster") ?? "", body["healthyOnly"] === true);
      return success("ServiceQueryRequest", { serviceInfo: info });
    },
    async ServiceListRequest(body) {
      const { namespace, group } = scopeOf(body);
      await hold.over;
      const names = store.list(namespace, group);
      const size = Math.max(0, integerOf(body, "pageSize", 10));
      const start = (Math.max(1, integerOf(body, "pageNo", 1)) - 1) * size;
      return success("ServiceListRequest", {
        count: names.length,
        serviceNames: names.slice(start, start + size),
      });
    },
  };
  for (const [type, handler] of Object.entries(handlers)) handlers[type] = checked(type, handler);
  return handlers;
}

function checked(type: string, handler: Handler): Handler {
  return (body, connection) => {
    const wrong = checkNaming(body);
    return wrong === undefined ? handler(body, connection) : refusal(type, 400, wrong);
  };
}

// An absent namespace or group is a server error on real servers, an empty namespace is one of its own.
function scopeOf(body: Body): { namespace: string; group: string } {
  const namespace = textOf(body, "namespace");
  const group = textOf(body, "groupName");
  if (namespace === undefined) throw new HandlerError(500, "Param 'namespace' is illegal, namespace is null");
  if (group === undefined || group.trim() === "")
    throw new HandlerError(500, "Param 'groupName' is illegal, groupName is blank");
  return { namespace, group };
}

/** Whether nothing of a service's name is absent. */
function isNamed(body: Body): boolean {
  return ["namespace", "groupName", "serviceName"].every((field) => textOf(body, field) !== undefined);
}

// A query alone is answered without them: nothing is there, under the name as it was given.
function nothingOf(store: NamingStore, body: Body): Body {
  const info = store.info({ namespace: "", group: "", name: "" }, textOf(body, "cluster") ?? "");
  return { ...info, name: textOf(body, "serviceName"), groupName: textOf(body, "groupName") };
}

function serviceName(body: Body): ServiceName {
  const name = textOf(body, "serviceName") ?? "";
  const scope = scopeOf(body);
  if (name.trim() === "") throw new HandlerError(500, "Param 'serviceName' is illegal, serviceName is blank");
  return { ...scope, name };
}

/** What clients get for `instance`: complete, since some have strict parsers (registries A1.13). */
export function hostOf({ group, name }: ServiceName, instance: Body): Host {
  const ip = textOf(instance, "ip") ?? "";
  const port = integerOf(instance, "port", 0);
  const clusterName = textOf(instance, "clusterName") || "DEFAULT";
  if (!/^[0-9a-zA-Z-]+$/.test(clusterName))
    throw new HandlerError(
      400,
      `Instance 'clusterName' should be characters with only 0-9a-zA-Z-. (current: ${clusterName})`,
    );
  const grouped = `${group}@@${name}`;
  const weight = Number(instance["weight"] ?? 1);
  return {
    instanceId:
      textOf(instance, "instanceId") ||
      `${ip}#${port}#${clusterName}#${textOf(instance, "serviceName") || grouped}`,
    ip,
    port,
    weight: Number.isFinite(weight) ? weight : 1,
    healthy: instance["healthy"] !== false,
    enabled: instance["enabled"] !== false,
    ephemeral: instance["ephemeral"] !== false,
    clusterName,
    serviceName: grouped,
    metadata: textsOf(asBody(instance["metadata"]) ?? {}),
    instanceHeartBeatInterval: 5_000,
    instanceHeartBeatTimeOut: 15_000,
    ipDeleteTimeout: 30_000,
  };
}

function textsOf(map: Body): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.keys(map)
      .filter((key) => map[key] !== null && map[key] !== undefined)
      .map((key) => [key, textOf(map, key) ?? JSON.stringify(map[key])]),
  );
}
