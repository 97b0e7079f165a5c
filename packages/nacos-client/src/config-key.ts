import { createHash } from "node:crypto";
import { type Body, textOf } from "./body.js";
import { defaultGroup } from "./instance.js";

/** Names a configuration within the namespace. */
export interface ConfigKey {
  readonly dataId: string;
  /** Default `DEFAULT_GROUP`. */
  readonly group?: string;
}

/** A configuration as it was read. */
export interface NacosConfigValue {
  readonly content: string;
  /** Lower-case hex of the UTF-8 content: what a conditional {@link ConfigKey | publish} compares. */
  readonly md5: string;
  /** Of content that was encrypted by whoever published it: the key, itself encrypted. Absent: plain. */
  readonly encryptedDataKey?: string;
}

/** `group@@dataId`, without the namespace: pushes spell that in three ways (registries A1.7). */
export function configKeyOf({ dataId, group = defaultGroup }: ConfigKey): string {
  return `${group}@@${dataId}`;
}

/** The key inside a push or an entry of `changedConfigs`. */
export function configKeyIn(body: Body): string {
  return configKeyOf({ dataId: textOf(body, "dataId"), group: textOf(body, "group") || defaultGroup });
}

/** As Nacos computes it. */
export function md5Of(content: string): string {
  return createHash("md5").update(content, "utf8").digest("hex");
}
