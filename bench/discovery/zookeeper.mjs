// One application on a real ZooKeeper: what a consumer of all its interfaces holds, and what a change costs it.
import { fork } from "node:child_process";
import { once } from "node:events";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { DisposalScope, silentLogger, systemRuntime } from "@dubbo-ts/core";
import { describeServices } from "@dubbo-ts/metadata";
import {
  zookeeperConnection,
  zookeeperMetadataReport,
  zookeeperRegistry,
} from "@dubbo-ts/registry-zookeeper";
import { startZooKeeper } from "@dubbo-ts/testkit";
import { instanceAt } from "../lib/instance.mjs";
import { serviceOf } from "./lib.mjs";

const consumerFile = fileURLToPath(new URL("zookeeper-consumer.mjs", import.meta.url));
const warmUp = "org.example.WarmUp";
const runtime = { ...systemRuntime, log: silentLogger };
/** Between the changes of a train, and between those that come alone. */
const trainGapMs = 25;
const aloneGapMs = 250;
const limit = () => AbortSignal.timeout(120_000);

/** `flags` go to the consumer's Node: `--cpu-prof` for example. */
export async function measureOnZooKeeper(options) {
  const scope = new DisposalScope();
  try {
    const server = scope.use(await startZooKeeper({ tickTimeMs: 2_000 }));
    const writer = scope.use(await openWriter(`zookeeper://${server.address}`));
    const { services, instances } = options;
    const interfaces = Array.from({ length: services }, (_, at) => `org.example.Service${at}`);
    const revision = await writer.describe("provider", interfaces);
    await writer.add("warm-up", 0, await writer.describe("warm-up", [warmUp]));
    await writer.addMany("provider", instances, revision);
    const consumer = scope.use(
      startConsumer({ url: writer.url, interfaces, instances, warmUp }, options.flags),
    );
    return await measureWith(writer, revision, consumer, options);
  } finally {
    await scope[Symbol.asyncDispose]();
  }
}

async function measureWith(writer, revision, consumer, { services, instances, changes }) {
  const joined = await consumer.told();
  const idle = await cpuOf(consumer, () => pause(2_000));
  const idlePerMs = idle.cpuMs / idle.ms;
  const cost = async (count, gapMs, change) => {
    const { cpuMs, ms, lists } = await cpuOf(consumer, async () => {
      for (let done = 0; done < count; done += 1) {
        await change(done);
        await pause(gapMs);
      }
      await pause(300);
    });
    return { cpuMs: (cpuMs - idlePerMs * ms) / count, lists: lists / count / services };
  };
  const round = async (count, gapMs) => {
    const restart = await cost(count, gapMs, (at) => writer.restart(at));
    const leave = await cost(count, gapMs, (at) => writer.remove(at));
    const left = await consumer.look();
    const join = await cost(count, gapMs, (at) => writer.add("provider", at, revision));
    const back = await consumer.look();
    const complete = left.routable === instances - count && back.routable === instances;
    return { restart, leave, join, complete };
  };
  // Until it is compiled, as what runs often is.
  for (let turn = 0; turn < 4; turn += 1) await round(Math.ceil(changes / 4), trainGapMs);
  const train = await round(changes, trainGapMs);
  const alone = await round(Math.ceil(changes / 4), aloneGapMs);
  const bytes = joined.heap + joined.buffers;
  return {
    services,
    instances,
    routableMs: joined.elapsedMs,
    routableCpuMs: joined.cpuMs,
    memoryMb: bytes / 2 ** 20,
    memoryPerPair: bytes / (services * instances),
    restartCpuMs: train.restart.cpuMs,
    leaveCpuMs: train.leave.cpuMs,
    joinCpuMs: train.join.cpuMs,
    restartAloneCpuMs: alone.restart.cpuMs,
    leaveAloneCpuMs: alone.leave.cpuMs,
    joinAloneCpuMs: alone.join.cpuMs,
    /** How often each service was told, per change: less than 1 where changes were taken together. */
    told: Math.min(train.restart.lists, train.leave.lists, train.join.lists),
    toldAlone: Math.min(alone.restart.lists, alone.leave.lists, alone.join.lists),
    idleCpuPerSecond: idlePerMs * 1_000,
    complete: train.complete && alone.complete,
  };
}

function startConsumer(settings, flags = []) {
  const child = fork(consumerFile, [JSON.stringify(settings)], {
    execArgv: ["--expose-gc", ...flags],
    stdio: ["ignore", "inherit", "inherit", "ipc"],
  });
  const ended = once(child, "exit");
  const failed = ended.then(() => Promise.reject(new Error("the consumer ended")));
  failed.catch(() => {});
  const told = async () => (await Promise.race([once(child, "message"), failed]))[0];
  return {
    told,
    look() {
      child.send({ question: "look" });
      return told();
    },
    async [Symbol.asyncDispose]() {
      if (child.connected) child.send({ question: "end" });
      await ended;
    },
  };
}

/** One session that writes all instances, as their own processes would. */
async function openWriter(url) {
  const connection = await zookeeperConnection({ address: url, waitForServerMs: 30_000 }, runtime);
  const registry = await zookeeperRegistry({ connection });
  const report = await zookeeperMetadataReport({ connection });
  const kept = new Map();
  const add = async (application, index, revision) => {
    const instance = instanceAt(application, index, revision);
    kept.set(`${application} ${index}`, {
      instance,
      registration: await registry.register(instance, limit()),
    });
  };
  return {
    url,
    add,
    async describe(application, interfaces) {
      const metadata = describeServices(
        application,
        interfaces.map((name) => serviceOf(name)),
      );
      await report.publish(metadata, limit());
      const record = { applications: new Set([application]), version: undefined };
      for (const name of interfaces) await report.writeMapping(name, record, limit());
      return metadata.revision;
    },
    async addMany(application, count, revision) {
      for (let from = 0; from < count; from += 100) {
        const indexes = Array.from({ length: Math.min(100, count - from) }, (_, at) => from + at);
        await Promise.all(indexes.map((index) => add(application, index, revision)));
      }
    },
    async restart(index) {
      const one = kept.get(`provider ${index}`);
      one.instance = { ...one.instance, startedAtMs: one.instance.startedAtMs + 1_000 };
      await one.registration.update(one.instance, limit());
    },
    async remove(index) {
      await kept.get(`provider ${index}`).registration[Symbol.asyncDispose]();
    },
    async [Symbol.asyncDispose]() {
      await registry[Symbol.asyncDispose]();
      await connection[Symbol.asyncDispose]();
    },
  };
}

async function cpuOf(consumer, work) {
  const before = await consumer.look();
  await work();
  const after = await consumer.look();
  return {
    cpuMs: (after.cpuUs - before.cpuUs) / 1_000,
    ms: after.atMs - before.atMs,
    lists: after.told - before.told,
  };
}
