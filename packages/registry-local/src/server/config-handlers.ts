import type { ConfigKey, ConfigStore } from "./config-store.js";
import {
  asBody,
  type Body,
  HandlerError,
  type Message,
  objectsOf,
  refusal,
  success,
  textOf,
} from "./messages.js";
import type { Handler } from "./naming-handlers.js";
import { checkConfig } from "./param-check.js";

/** The config requests (registries A1.7), by type. */
export function configHandlers(store: ConfigStore): Readonly<Record<string, Handler>> {
  const handlers: Record<string, Handler> = {
    ConfigQueryRequest: (body) => query(store, keyOf(body)),
    async ConfigPublishRequest(body) {
      const content = textOf(body, "content") ?? "";
      if (content.trim() === "") return refusal("ConfigPublishRequest", 400, `content is blank : ${content}`);
      const type = textOf(asBody(body["additionMap"]) ?? {}, "type") || "text";
      const casMd5 = textOf(body, "casMd5")?.trim() || undefined;
      return (await store.publish(keyOf(body), content, type, casMd5))
        ? success("ConfigPublishRequest")
        : refusal("ConfigPublishRequest", 500, "Cas publish fail,server md5 may have changed.");
    },
    async ConfigRemoveRequest(body) {
      await store.remove(keyOf(body));
      return success("ConfigRemoveRequest");
    },
    ConfigBatchListenRequest(body, connection) {
      const contexts = objectsOf(body, "configListenContexts");
      if (body["listen"] === false) {
        for (const context of contexts) store.ignore(connection, keyOf(context));
        return success("ConfigBatchListenRequest", { changedConfigs: [] });
      }
      for (const context of contexts)
        store.listen(connection, keyOf(context), textOf(context, "tenant") ?? "");
      const changed = contexts.filter(
        (context) => (textOf(context, "md5") ?? "") !== (store.get(keyOf(context))?.md5 ?? ""),
      );
      return success("ConfigBatchListenRequest", {
        changedConfigs: changed.map((context) => ({
          group: textOf(context, "group"),
          dataId: textOf(context, "dataId"),
          tenant: textOf(context, "tenant") ?? "",
        })),
      });
    },
  };
  for (const [type, handler] of Object.entries(handlers)) handlers[type] = checked(type, handler);
  return handlers;
}

function checked(type: string, handler: Handler): Handler {
  return (body, connection) => {
    const wrong = checkConfig(body);
    if (wrong === undefined) return handler(body, connection);
    return refusal(type, 400, wrong, type === "ConfigQueryRequest" ? noConfig : {});
  };
}

/** Stands in every answer of this type that has no content. */
const noConfig = { lastModified: 0, beta: false } as const;

function query(store: ConfigStore, key: ConfigKey): Message {
  const value = store.get(key);
  if (value === undefined) return refusal("ConfigQueryRequest", 300, "config data not exist", noConfig);
  return success("ConfigQueryRequest", {
    content: value.content,
    encryptedDataKey: "",
    contentType: value.type,
    md5: value.md5,
    lastModified: value.lastModified,
    beta: false,
  });
}

// As Nacos 3.1: `public` and the empty tenant are one (nacos-server 8).
function keyOf(body: Body): ConfigKey {
  const dataId = textOf(body, "dataId") ?? "";
  const group = textOf(body, "group") ?? "";
  const tenant = textOf(body, "tenant") ?? "";
  if (dataId.trim() === "") throw new HandlerError(400, "Param 'dataId' is required.");
  if (group.trim() === "") throw new HandlerError(400, "Param 'group' is required.");
  return { tenant: tenant === "public" ? "" : tenant, group, dataId };
}
