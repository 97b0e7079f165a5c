// D1: a consumer of everything: all interfaces of many applications.
import { createDirectory, createInvokerPool } from "@dubbo-ts/cluster";
import { silentLogger, systemRuntime } from "@dubbo-ts/core";
import { createServiceDiscovery } from "@dubbo-ts/discovery";
import { ScriptedRegistry } from "@dubbo-ts/testkit";
import {
  cpuSince,
  followAll,
  heapBytes,
  instanceOf,
  instanceText,
  metadataText,
  scriptedReport,
} from "./lib.mjs";

const { applications } = JSON.parse(process.argv[2]);
const interfacesEach = 50;
const instancesEach = 100;
/** What Dubbo 2 registers for one interface of one instance: a URL of about this size (perf reports of Dubbo 3). */
const interfaceRecordBytes = 1_000;

const names = Array.from({ length: applications }, (_, at) => `application-${at}`);
const interfacesByApplication = new Map(
  names.map((name) => [
    name,
    Array.from({ length: interfacesEach }, (_, at) => `org.example.${name.replace("-", "")}.Service${at}`),
  ]),
);
const texts = new Map();
const revisions = names.map((name) =>
  [1_000, 2_000].map((timeoutMs) => {
    const { revision, text } = metadataText(name, interfacesByApplication.get(name), timeoutMs);
    texts.set(`${name} ${revision}`, text);
    return revision;
  }),
);
const registryBytes = names.reduce(
  (sum, name, at) =>
    sum +
    instanceText(name, 1, revisions[at][0]).length * instancesEach +
    texts.get(`${name} ${revisions[at][0]}`).length,
  0,
);

const registry = new ScriptedRegistry();
const report = scriptedReport(texts, interfacesByApplication);
const runtime = { ...systemRuntime, log: silentLogger };
const before = heapBytes();

const cpu = process.cpuUsage();
const start = performance.now();
names.forEach((name, at) =>
  registry.push(
    name,
    instancesOf(name, at, () => 0),
  ),
);
const pool = createInvokerPool({ refer: () => undefined, runtime });
const discovery = createServiceDiscovery({
  registries: [registry],
  reports: [report],
  callMetadataService: refuse,
  runtime,
});
const all = names.flatMap((name) => interfacesByApplication.get(name));
let wanted = () => false;
let routable;
const directories = followAll(
  discovery,
  all,
  (service) => createDirectory({ pool, service, runtime }),
  () => {
    if (wanted()) routable();
  },
);
await until(() => directories.every(({ invokers }) => invokers.length === instancesEach));
const elapsedMs = performance.now() - start;
const cpuMs = cpuSince(cpu) / 1_000;
const heap = heapBytes() - before;
const fetches = report.fetches;

const changed = process.cpuUsage();
names.forEach((name, at) =>
  registry.push(
    name,
    instancesOf(name, at, (index) => index % 2),
  ),
);
const last = names.map((_, at) => revisions[at][1]);
await until(
  () =>
    report.fetches === fetches + last.length &&
    directories.every(({ resolution }) => resolution.state === "resolved"),
);
const revisionCpuMs = cpuSince(changed) / 1_000;

const instances = applications * instancesEach;
console.log(
  JSON.stringify({
    applications,
    cpuMs,
    elapsedMs,
    heapMb: heap / 2 ** 20,
    heapPerInstance: heap / instances,
    fetches,
    registryKb: registryBytes / 1_024,
    registryShare: (registryBytes / (instances * interfacesEach * interfaceRecordBytes)) * 100,
    revisionCpuMs,
  }),
);
process.exit();

function instancesOf(name, at, which) {
  return Array.from({ length: instancesEach }, (_, index) =>
    instanceOf(name, at * instancesEach + index, revisions[at][which(index)]),
  );
}

function until(condition) {
  // Looked at after each change of the last service only: a look costs as much as there are services.
  let turn = 0;
  wanted = () => ++turn % all.length === 0 && condition();
  return new Promise((resolve) => {
    routable = resolve;
    const timer = setInterval(() => {
      if (!condition()) return;
      clearInterval(timer);
      resolve();
    }, 5);
  });
}

function refuse() {
  return Promise.reject(new Error("metadata comes from the report"));
}
