import { defaultGroup, type NewInstance, type ServiceName } from "./instance.js";
import { NacosError } from "./nacos-error.js";

/**
 * What servers from 2.3 on refuse with 400 (nacos-server 7), found before anything is sent: a refused request
 * in a redo would be tried for ever.
 */
const maxLength = { service: 512, group: 128, cluster: 64, namespace: 64, dataId: 256 } as const;
/** gRPC carries 10 MiB; the rest is for the envelope and for quoting. */
const maxContentBytes = 10 * 1024 * 1024 - 64 * 1024;
const blankOrChinese = /[\s\u4e00-\u9fa5]/;

/** @throws {NacosError} INVALID */
export function checkNamespace(namespace: string): void {
  check(namespace.length <= maxLength.namespace && /^[\w-]*$/.test(namespace), "namespace", namespace);
}

/** @throws {NacosError} INVALID */
export function checkService({ name, group = defaultGroup }: ServiceName): void {
  const plain = (text: string, most: number) =>
    text !== "" && text.length <= most && !blankOrChinese.test(text) && !/^@|@@/.test(text);
  check(plain(name, maxLength.service), "service name", name);
  check(plain(group, maxLength.group), "group", group);
}

/** @throws {NacosError} INVALID; for too much metadata with the size of each key. */
export function checkInstance(instance: NewInstance, metadataLimit: number): void {
  const { ip, port, weight = 1, clusterName = "DEFAULT", metadata = {} } = instance;
  check(ip !== "" && !blankOrChinese.test(ip), "ip", ip);
  check(Number.isInteger(port) && port >= 0 && port <= 65_535, "port", port);
  check(Number.isFinite(weight), "weight", weight);
  check(
    clusterName.length <= maxLength.cluster && /^[\da-zA-Z-]+$/.test(clusterName),
    "cluster name",
    clusterName,
  );
  checkMetadata(metadata, metadataLimit);
}

function checkMetadata(metadata: Readonly<Record<string, string>>, limit: number): void {
  const entries = Object.entries(metadata);
  for (const [key, value] of entries) check(typeof value === "string", `metadata ${key}`, value);
  const sizes = entries.map(([key, value]) => ({ key, size: key.length + value.length }));
  const total = sizes.reduce((sum, { size }) => sum + size, 0);
  if (total <= limit) return;
  const list = sizes.sort((a, b) => b.size - a.size).map(({ key, size }) => `${key} ${size}`);
  throw new NacosError(
    "INVALID",
    `metadata has ${total} characters, ${limit} are allowed: ${list.join(", ")}`,
  );
}

/** @throws {NacosError} INVALID */
export function checkConfigKey({ dataId, group = defaultGroup }: { dataId: string; group?: string }): void {
  const plain = (text: string, most: number) => text.length <= most && /^[\w.:-]+$/.test(text);
  check(plain(dataId, maxLength.dataId), "dataId", dataId);
  check(plain(group, maxLength.group), "group", group);
}

/** @throws {NacosError} INVALID: blank, or more than 10 MiB. */
export function checkContent(content: string): void {
  check(content.trim() !== "", "content", content);
  const bytes = Buffer.byteLength(content);
  if (bytes > maxContentBytes) {
    throw new NacosError("INVALID", `content has ${bytes} bytes, ${maxContentBytes} are allowed`);
  }
}

/** Of a fuzzy watch: `*` at the beginning, at the end, or alone. @throws {NacosError} INVALID */
export function checkPattern(pattern: string): void {
  check(
    pattern !== "" && !/.\*.|>>|@@|\s/.test(pattern) && pattern.length <= maxLength.service,
    "pattern",
    pattern,
  );
}

function check(fits: boolean, what: string, value: unknown): void {
  if (fits) return;
  throw new NacosError(
    "INVALID",
    `${what} is not acceptable to Nacos: ${JSON.stringify(value)?.slice(0, 100)}`,
  );
}
