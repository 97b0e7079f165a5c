import type { ServiceKey } from "./service-key.js";

/** One service that an application offers over one protocol (app-level discovery 3.2). */
export interface ServiceInfo {
  readonly key: ServiceKey;
  readonly protocol: string;
  /** The port it is served on; undefined when the record gives none (Go over MetadataService V2). */
  readonly port: number | undefined;
  /** Parameters, `timeout` or `getUser.timeout` for example. Nothing that differs from process to process. */
  readonly params: Readonly<Record<string, string>>;
}

/** All that an application offers at one revision. */
export interface MetadataInfo {
  readonly application: string;
  readonly revision: string;
  /** By match key, see {@link matchKey}. */
  readonly services: ReadonlyMap<string, ServiceInfo>;
}

/** `group/interface:version:protocol`: the key of {@link MetadataInfo.services}. */
export function matchKey(key: ServiceKey, protocol: string): string {
  return `${key.text}:${protocol}`;
}
