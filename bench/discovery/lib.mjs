import { decodeInstance, decodeMetadata, encodeInstance, encodeMetadata, serviceKey } from "@dubbo-ts/core";
import { describeServices } from "@dubbo-ts/metadata";
import { instanceAt } from "../lib/instance.mjs";

/** What a provider of the application offers: the record that a metadata store keeps, as text, and its revision. */
export function metadataText(application, interfaces, timeoutMs) {
  const services = interfaces.map((name) => serviceOf(name, timeoutMs));
  const metadata = describeServices(application, services);
  return { revision: metadata.revision, text: JSON.stringify(encodeMetadata(metadata)) };
}

/** One of the services of a provider. */
export function serviceOf(name, timeoutMs = 1_000) {
  const methods = ["find", "list", "update"];
  return { key: serviceKey(name, {}), protocol: "dubbo", port: 20_880, methods, options: { timeoutMs } };
}

/** An instance as an adapter reads it from what the registry stores; nothing is shared with the others. */
export function instanceOf(application, index, revision, startedAtMs = 1_700_000_000_000) {
  const text = instanceText(application, index, revision, startedAtMs);
  return decodeInstance(JSON.parse(text));
}

export function instanceText(application, index, revision, startedAtMs = 1_700_000_000_000) {
  const instance = instanceAt(application, index, revision, startedAtMs);
  const { host, port } = instance;
  const metadata = encodeInstance(instance);
  return JSON.stringify({ application, host, port, metadata });
}

/** A metadata store with what `texts` has by `application revision`, that counts who asks. */
export function scriptedReport(texts, interfacesByApplication) {
  const mapping = new Map();
  for (const [application, interfaces] of interfacesByApplication)
    for (const name of interfaces) mapping.set(name, application);
  const report = {
    fetches: 0,
    async publish() {},
    async fetch(application, revision) {
      report.fetches += 1;
      const text = texts.get(`${application} ${revision}`);
      return text === undefined ? undefined : decodeMetadata(application, revision, text);
    },
    async readMapping(name) {
      return { applications: new Set([mapping.get(name)]), version: "1" };
    },
    writeMapping: async () => true,
    async *watchMapping(name, signal) {
      yield new Set([mapping.get(name)]);
      if (!signal.aborted)
        await new Promise((resolve) => signal.addEventListener("abort", resolve, { once: true }));
    },
    async [Symbol.asyncDispose]() {},
  };
  return report;
}

/** The heap in use after a full collection, in bytes. */
export function heapBytes() {
  globalThis.gc();
  globalThis.gc();
  return process.memoryUsage().heapUsed;
}

/** Microseconds of CPU since `from`. */
export function cpuSince(from) {
  const { user, system } = process.cpuUsage(from);
  return user + system;
}

/** Keeps a directory for each service, which follows what discovery says, as references do; `onApplied` is told of each time. */
export function followAll(discovery, services, makeDirectory, onApplied) {
  return services.map((name) => {
    const service = serviceKey(name, {});
    const directory = makeDirectory(service);
    discovery.follow({ service, protocols: ["dubbo"] }, (resolution) => {
      directory.apply(resolution);
      onApplied(directory);
    });
    return directory;
  });
}
