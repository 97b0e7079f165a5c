import { asBody, type Body, objectsOf, textOf } from "./messages.js";

interface Rule {
  readonly param: string;
  readonly maxLength: number;
  readonly pattern: RegExp;
}

/** Names, lengths and patterns of `ParamCheckRule` and `DefaultParamChecker` in alibaba/nacos, on by default since 2.3. */
const rules = {
  namespace: { param: "namespaceId/tenant", maxLength: 64, pattern: /^[\w-]+$/ },
  dataId: { param: "dataId", maxLength: 256, pattern: /^[a-zA-Z0-9\-_:.]*$/ },
  service: { param: "serviceName", maxLength: 512, pattern: /^(?!@).((?!@@)[^\u4E00-\u9FA5\s])*$/ },
  group: { param: "group", maxLength: 128, pattern: /^[a-zA-Z0-9\-_:.]*$/ },
  cluster: { param: "cluster", maxLength: 64, pattern: /^[0-9a-zA-Z\-_]+$/ },
  ip: { param: "ip", maxLength: 128, pattern: /^[^\u4E00-\u9FA5\s]*$/ },
} as const satisfies Record<string, Rule>;

/** The most that keys and values of an instance's metadata may have together, in UTF-16 code units. */
const maxMetadataLength = 1024;

/** What is wrong with the parameters of a naming request, as a real server says it; undefined when nothing is. */
export function checkNaming(body: Body): string | undefined {
  const instance = asBody(body["instance"]);
  return (
    check(rules.namespace, textOf(body, "namespace")) ??
    check(rules.service, textOf(body, "serviceName")) ??
    check(rules.group, textOf(body, "groupName")) ??
    checkClusters(textOf(body, "clusters") ?? textOf(body, "cluster")) ??
    (instance && checkInstance(instance)) ??
    first(objectsOf(body, "instances"), checkInstance)
  );
}

/** The same for a config request. */
export function checkConfig(body: Body): string | undefined {
  const keys = [body, ...objectsOf(body, "configListenContexts")];
  return first(
    keys,
    (key) =>
      check(rules.namespace, textOf(key, "tenant")) ??
      check(rules.dataId, textOf(key, "dataId")) ??
      check(rules.group, textOf(key, "group")),
  );
}

function checkInstance(instance: Body): string | undefined {
  return (
    check(rules.cluster, textOf(instance, "clusterName")) ??
    check(rules.ip, textOf(instance, "ip")) ??
    checkPort(textOf(instance, "port")) ??
    checkMetadata(asBody(instance["metadata"]) ?? {})
  );
}

function checkClusters(clusters: string | undefined): string | undefined {
  return first((clusters ?? "").split(","), (cluster) => check(rules.cluster, cluster));
}

function checkPort(port: string | undefined): string | undefined {
  const number = Number(port ?? 0);
  if (Number.isInteger(number) && number >= 0 && number <= 65_535) return undefined;
  return illegal("port", "the value should be between 0 and 65535.");
}

function checkMetadata(metadata: Body): string | undefined {
  let length = 0;
  for (const key of Object.keys(metadata)) length += key.length + (textOf(metadata, key) ?? "").length;
  return length > maxMetadataLength ? tooLong("Metadata", maxMetadataLength) : undefined;
}

// What is blank is not checked here, as in DefaultParamChecker: whether it may be absent is up to the handler.
function check({ param, maxLength, pattern }: Rule, value: string | undefined): string | undefined {
  if (value === undefined || value.trim() === "") return undefined;
  if (value.length > maxLength) return tooLong(param, maxLength);
  return pattern.test(value)
    ? undefined
    : illegal(param, "illegal characters should not appear in the param.");
}

function tooLong(param: string, maxLength: number): string {
  return illegal(param, `the param length should not exceed ${maxLength}.`);
}

function illegal(param: string, why: string): string {
  return `Param check invalid:Param '${param}' is illegal, ${why}`;
}

function first<T>(items: readonly T[], find: (item: T) => string | undefined): string | undefined {
  for (const item of items) {
    const found = find(item);
    if (found !== undefined) return found;
  }
  return undefined;
}
