import { type ServiceKey, serviceKey } from "@dubbo-ts/core";

/** The name under which a provider registers: always three colons; Java writes `$` as `___` (app-level discovery 11.2). */
export function registeredName({ serviceInterface, version, group }: ServiceKey): string {
  return `providers:${serviceInterface}:${version}:${group}`.replaceAll("$", "___");
}

/**
 * The names under which providers of `service` are: Dubbo before 2.7.4 leaves out what is empty, colon included
 * (`NacosRegistry.java`, `getLegacySubscribedServiceName`). Undefined: version or group is a pattern, and only the list
 * of all names tells.
 */
export function namesOf(service: ServiceKey): readonly string[] | undefined {
  const { serviceInterface, version, group } = service;
  if (/[*,]/.test(version + group)) return undefined;
  const older = ["providers", serviceInterface, version, group].filter((part) => part !== "").join(":");
  return [...new Set([registeredName(service), older.replaceAll("$", "___")])];
}

/** What a name of {@link registeredName} stands for; undefined: something else. */
export function keyOfName(name: string): ServiceKey | undefined {
  const parts = name.split(":");
  const [category, serviceInterface = "", version, group] = parts;
  if (category !== "providers" || parts.length !== 4 || serviceInterface === "") return undefined;
  return serviceKey(serviceInterface.replaceAll("___", "$"), { version, group });
}
