// The registry faults F1 to F13. Each gives what was measured, and the bars that it was held against.
import { createApplication } from "dubbo-ts";
import { etcdConnection } from "@dubbo-ts/registry-etcd";
import { nacosRegistry } from "@dubbo-ts/registry-nacos";
import { zookeeperConnection } from "@dubbo-ts/registry-zookeeper";
import { startRedis } from "@dubbo-ts/testkit";
import { application, forMs, msUntil, openScene } from "./scene.mjs";
import { linkTo, lookInto } from "./stores.mjs";
import { Worker } from "./worker.mjs";

/** A bar: holds when `value` is at most `limit` (or at least, where `least`). */
const atMost = (what, value, limit, unit = "") => ({ what, value, limit, unit, ok: value <= limit });
const atLeast = (what, value, limit, unit = "") => ({
  what,
  value,
  limit,
  unit,
  least: true,
  ok: value >= limit,
});
const noneFailed = ({ traffic }) => atMost("failed calls", traffic.failures.length, 0);
const ms = (what, value, limit) => atMost(what, Math.round(value), limit, "ms");

const has = (count) => (scene) => async () => (await scene.visible()) === count;
const allFive = has(5);

/** `short`: what a run takes by default; `full`: what the matrix asks for. */
export const scenarios = {
  F1: {
    title: "registry killed (-9), down, started on its data",
    times: { short: 12_000, full: 60_000 },
    async run({ store, server, durationMs }) {
      return withScene(store, server, {}, async (scene) => {
        const sinceMs = performance.now();
        await server.kill("SIGKILL");
        await forMs(durationMs);
        await server.restart();
        const backMs = await msUntil(allFive(scene), 30_000);
        await forMs(5_000);
        return [
          noneFailed(scene),
          ms("all visible again after", backMs, store.again),
          atLeast("providers called in any second", scene.traffic.fewestPerSecond(sinceMs), 5),
        ];
      });
    },
  },

  F2: {
    title: "registry wiped and started empty",
    times: { short: 5_000, full: 20_000 },
    async run({ store, server, durationMs }) {
      return withScene(store, server, { remote: true }, async (scene) => {
        const revisions = await scene.revisions();
        await server.kill("SIGKILL");
        await server.wipe();
        await forMs(durationMs);
        await server.restart();
        const complete = async () => {
          const mapped = (await scene.look.mapping("org.example.Worker")).has(application);
          const known = await Promise.all(
            revisions.map((revision) => scene.look.metadata(application, revision)),
          );
          return mapped && !known.includes(undefined) && (await scene.visible()) === 5;
        };
        const backMs = await msUntil(complete, 45_000);
        return [
          noneFailed(scene),
          atLeast("revisions, each with metadata of its own", revisions.length, 5),
          ms("instances, mapping and metadata of all back after", backMs, 15_000),
        ];
      });
    },
  },

  F3: {
    title: "registry says that nobody is there; then nobody is",
    times: { short: 20_000, full: 600_000 },
    async run({ store, server, durationMs }) {
      if (store.metadataOnly) return undefined;
      return withScene(store, server, {}, async (scene) => {
        await emptied(scene);
        await forMs(durationMs);
        const failedBefore = scene.traffic.failures.length;
        const stopMs = performance.now();
        await Promise.all(scene.running.map((one) => one.end("SIGTERM")));
        const endedMs = performance.now() - stopMs;
        const typedMs = await msUntil(async () => {
          try {
            await scene.worker.whoAmI();
          } catch (error) {
            return error.code === "NO_PROVIDER";
          }
        }, 30_000);
        const askMs = performance.now();
        await scene.worker.whoAmI().catch(() => {});
        const answerMs = performance.now() - askMs;
        return [
          atMost("failed calls while it said so", failedBefore, 0),
          ms("NO_PROVIDER after the last one's end", Math.max(0, typedMs), 5_000),
          ms("time of a call that finds nobody", answerMs, 100),
          { what: "leaving took", value: Math.round(endedMs), unit: "ms", ok: true },
        ];
      });
    },
  },

  F4: {
    title: "registry loses four of five records, the processes live",
    times: { short: 15_000, full: 30_000 },
    async run({ store, server, durationMs }) {
      if (!["zookeeper", "etcd"].includes(schemeOf(store))) return undefined;
      return withScene(store, server, {}, async (scene) => {
        const instances = await scene.look.instances(application);
        const sinceMs = performance.now();
        await removeRecords(scene, instances.slice(1));
        await forMs(durationMs);
        const shares = scene.running.map(({ pid }) => scene.traffic.shareOf(pid, sinceMs));
        return [
          noneFailed(scene),
          atMost("largest share of one provider", Number(Math.max(...shares).toFixed(2)), 0.4),
          ms("all five listed again after", await msUntil(allFive(scene), 30_000), 30_000),
        ];
      });
    },
  },

  F5: {
    title: "consumer cut off from the registry, bytes vanish",
    times: { short: 30_000, full: 600_000 },
    async run({ store, server, durationMs }) {
      return withScene(store, server, {}, async (scene) => {
        const { consumerLink } = scene;
        const heapBefore = heap();
        const before = consumerLink.accepted();
        await consumerLink.setMode("blackhole");
        await forMs(durationMs);
        const attempts = consumerLink.accepted() - before;
        await consumerLink.setMode("pass");
        const late = await scene.start();
        scene.running.push(late);
        const seenMs = await msUntilSeen(scene, [late.pid], 60_000);
        return [
          noneFailed(scene),
          atMost(
            "connections tried per second and port",
            Number((attempts / (durationMs / 1_000)).toFixed(2)),
            1,
          ),
          atMost("heap grown by", Number(((heap() - heapBefore) / 2 ** 20).toFixed(1)), 5, "MB"),
          ms("a provider that joined after it is called after", seenMs, 10_000),
        ];
      });
    },
  },

  F6: {
    title: "provider cut off from the registry until it is forgotten, then healed",
    times: { short: 10_000, full: 30_000 },
    async run({ store, server, durationMs }) {
      if (store.metadataOnly) return undefined;
      return withScene(store, server, { ownLinks: 1 }, async (scene) => {
        const [link] = scene.links;
        const [alone] = scene.running;
        await link.setMode("blackhole");
        const goneMs = await msUntil(has(4)(scene), store.forgetsAfterMs);
        const sinceMs = performance.now();
        await forMs(durationMs);
        const share = scene.traffic.shareOf(alone.pid, sinceMs);
        await link.setMode("pass");
        const backMs = await msUntil(allFive(scene), 30_000);
        const ids = (await scene.look.instances(application)).map(({ id }) => id);
        return [
          noneFailed(scene),
          atMost(
            "forgotten by the registry after",
            Math.round(goneMs / 1_000),
            store.forgetsAfterMs / 1_000,
            "s",
          ),
          { what: "its share of the calls meanwhile", value: Number(share.toFixed(2)), unit: "", ok: true },
          ms("listed again after", backMs, 5_000),
          atMost("records of one address", ids.length - new Set(ids).size, 0),
        ];
      });
    },
  },

  F7: {
    title: "provider stopped (SIGSTOP) until it is forgotten, then continued",
    times: { short: 2, full: 100 },
    counts: "cycles",
    async run({ store, server, durationMs: cycles }) {
      if (store.metadataOnly) return undefined;
      return withScene(store, server, {}, async (scene) => {
        const [sleeper] = scene.running;
        let back = 0;
        let slowest = 0;
        for (let cycle = 0; cycle < cycles; cycle += 1) {
          sleeper.signal("SIGSTOP");
          await msUntil(has(4)(scene), store.forgetsAfterMs);
          sleeper.signal("SIGCONT");
          const took = await msUntil(allFive(scene), 15_000);
          slowest = Math.max(slowest, took);
          if (took < 15_000) back += 1;
          await msUntilSeen(scene, [sleeper.pid], 30_000);
        }
        return [
          noneFailed(scene),
          atLeast("came back, of " + cycles, back, cycles),
          ms("slowest return", slowest, 15_000),
          ms("longest call", scene.traffic.longestMs, 5_200),
        ];
      });
    },
  },

  F8: {
    title: "registry stopped (SIGSTOP): sockets open, no answers",
    times: { short: 20_000, full: 60_000 },
    async run({ store, server, durationMs }) {
      return withScene(store, server, {}, async (scene) => {
        const before = performance.now();
        await server.kill("SIGSTOP");
        const registerMs = await timeOf(() => scene.start(5, 30_000).then((one) => one.end("SIGKILL")));
        const app = await createApplication({ config: scene.consumerConfig("faults-late"), env: {} });
        const referMs = await timeOf(() => app.refer(Worker));
        const closeMs = await timeOf(() => app.stop());
        await forMs(Math.max(0, durationMs - (performance.now() - before)));
        await server.kill("SIGCONT");
        const late = await scene.start();
        scene.running.push(late);
        return [
          noneFailed(scene),
          ms("a provider's start ends after", registerMs, 20_000),
          ms("a reference is refused or made after", referMs, 10_000),
          ms("closing takes", closeMs, 10_000),
          ms(
            "a provider that joined after it is called after",
            await msUntilSeen(scene, [late.pid], 60_000),
            15_000,
          ),
        ];
      });
    },
  },

  F9: {
    title: "registry slow (3 s an answer), connections break now and then",
    times: { short: 20_000, full: 60_000 },
    async run({ store, server, durationMs }) {
      return withScene(store, server, {}, async (scene) => {
        const both = [scene.consumerLink, scene.shared];
        await Promise.all(both.map((link) => link.setMode({ delayMs: 1_500 })));
        const endMs = performance.now() + durationMs;
        while (performance.now() < endMs) {
          await forMs(5_000);
          both.forEach((link) => link.cut());
        }
        await Promise.all(both.map((link) => link.setMode("pass")));
        return [noneFailed(scene), ms("all listed after", await msUntil(allFive(scene), 60_000), 15_000)];
      });
    },
  },

  F10: {
    title: "three nodes: leader killed, two of three killed, all restarted in turn",
    times: { short: 8_000, full: 30_000 },
    own: true,
    async run({ store, durationMs }) {
      if (store.startMany === undefined) return undefined;
      const many = await store.startMany();
      try {
        return await withScene(store, many, {}, async (scene) => {
          const leader = await many.leader();
          await leader.kill("SIGKILL");
          const duringMs = await timeOf(async () => void scene.running.push(await scene.start()));
          await forMs(durationMs);
          await leader.restart();
          const [first, second] = many.members;
          await Promise.all([first.kill("SIGKILL"), second.kill("SIGKILL")]);
          await forMs(durationMs);
          await Promise.all([first.restart(), second.restart()]);
          for (const member of many.members) {
            await member.kill("SIGKILL");
            await member.restart();
          }
          return [
            noneFailed(scene),
            ms("a registration during the election lands after", duringMs, 10_000),
            ms("all six listed after the last restart", await msUntil(has(6)(scene), 30_000), 10_000),
          ];
        });
      } finally {
        await many[Symbol.asyncDispose]();
      }
    },
  },

  F11: {
    title: "200 clients, and the registry comes back",
    times: { short: 40_000, full: 60_000 },
    async run({ store, server, durationMs }) {
      if (store.metadataOnly) return undefined;
      const link = await linkTo(store, server);
      const clients = [];
      try {
        for (let index = 0; index < 200; index += 1) {
          const client = await herdMember(store, link.at);
          clients.push(client);
          if (index % 20 === 19)
            await Promise.all(clients.slice(-20).map((one) => one.instances(application).catch(() => {})));
        }
        await server.kill("SIGKILL");
        await link.setMode("refuse");
        await forMs(durationMs);
        await server.restart();
        await link.setMode("pass");
        const perSecond = [];
        for (let second = 0, last = link.accepted(); second < 60; second += 1) {
          await forMs(1_000);
          perSecond.push(link.accepted() - last);
          last = link.accepted();
        }
        const again = perSecond.reduce((sum, one) => sum + one, 0);
        const answered = await Promise.all(
          clients.map((one) =>
            one.instances(application).then(
              () => 1,
              () => 0,
            ),
          ),
        );
        return [
          atMost(
            "most connections in one second, % of all",
            Math.round((100 * Math.max(...perSecond)) / Math.max(1, again)),
            20,
            "%",
          ),
          atLeast(
            "clients that are served again",
            answered.reduce((sum, one) => sum + one, 0),
            200,
          ),
        ];
      } finally {
        await Promise.all(clients.map((one) => one.close()));
        await link.close();
      }
    },
  },

  F12: {
    title: "registry comes back with an older state",
    times: { short: 0, full: 0 },
    async run({ store, server }) {
      if (!["zookeeper", "etcd"].includes(schemeOf(store))) return undefined;
      return withScene(store, server, {}, async (scene) => {
        await server.kill("SIGTERM");
        const restore = await server.backup();
        await server.restart();
        await msUntil(allFive(scene), 30_000);
        const late = await scene.start();
        scene.running.push(late);
        await scene.traffic.sees([late.pid]);
        const [first] = scene.running.splice(0, 1);
        await first.end("SIGTERM");
        await server.kill("SIGKILL");
        await restore();
        await server.restart();
        const settledMs = await msUntil(async () => {
          const pids = scene.running.map(({ pid }) => pid);
          await scene.traffic.sees(pids, 2_000);
          return true;
        }, 30_000);
        const listed = has(5)(scene);
        return [
          noneFailed(scene),
          ms("consumer calls all five living after", settledMs, 10_000),
          ms("registry lists the living only after", await msUntil(listed, 40_000), 20_000),
        ];
      });
    },
  },

  F13: {
    title: "access: wrong password, then the right one; tokens that end",
    times: { short: 20_000, full: 60_000 },
    own: true,
    async run({ store, durationMs }) {
      return Object.hasOwn(guarded, store.name) ? accessRun(store, durationMs) : undefined;
    },
  },
};

/** How each store is made to ask who comes: a server, and who is let in. */
const guarded = {
  async zookeeper(store) {
    // No users there: who writes first owns what it writes.
    return { server: await store.start(), username: "ada", password: "right-secret" };
  },
  async etcd(store) {
    const server = await store.start();
    await server.ctl("user", "add", "root:right-secret");
    await server.ctl("user", "grant-role", "root", "root").catch(() => server.ctl("role", "add", "root"));
    await server.ctl("user", "grant-role", "root", "root").catch(() => {});
    await server.ctl("auth", "enable");
    return { server, username: "root", password: "right-secret" };
  },
  nacos3: nacosWithShortTokens,
  nacos2: nacosWithShortTokens,
  async redis() {
    return {
      server: await startRedis({ password: "right-secret" }),
      username: "default",
      password: "right-secret",
    };
  },
};

/** Tokens live 6 s: a run outlives several of them. */
async function nacosWithShortTokens(store) {
  const options = { "nacos.core.auth.plugin.nacos.token.expire.seconds": "6" };
  const server = await store.start({ auth: true, options });
  return { server, ...server.administrator };
}

async function accessRun(store, durationMs) {
  const { server, username, password } = await guarded[store.name](store);
  const as = (user, secret) => ({
    ...store,
    url: (at, query) => store.url(at, query).replace("://", `://${user}:${secret}@`),
  });
  try {
    return await withScene(as(username, password), server, {}, async (scene) => {
      const link = await linkTo(store, server);
      const wrong = await lookInto(as(username, "wrong-secret").url(link.at));
      const asked = store.metadataOnly
        ? () => wrong.mapping("org.example.Worker")
        : () => wrong.instances(application);
      const refused = await asked().then(
        () => "let in",
        (error) => `${error.code} ${error.message}`,
      );
      await forMs(durationMs);
      const attempts = link.accepted() / (durationMs / 1_000);
      await wrong.close();
      await link.close();
      const said = [refused, ...scene.running.flatMap((one) => one.said)].join("\n");
      return [
        noneFailed(scene),
        atLeast("providers listed at the end", await scene.visible(), 5),
        {
          what: "who comes with a wrong password hears",
          value: refused.split(" ")[0],
          unit: "",
          ok: /AUTH_FAILED|METADATA_UNAVAILABLE/.test(refused),
        },
        atMost("connections per second with a wrong password", Number(attempts.toFixed(2)), 1),
        atMost(
          "secrets in messages and logs",
          Number(said.includes("-secret") || said.includes(password)),
          0,
        ),
      ];
    });
  } finally {
    await server[Symbol.asyncDispose]();
  }
}

/** A client with one connection: Nacos has two otherwise, one for settings. */
async function herdMember(store, at) {
  if (!["nacos", "local"].includes(schemeOf(store))) return lookInto(store.url(at));
  const registry = await nacosRegistry({ address: `nacos://${at}` });
  return {
    instances: (name) => registry.get(name, AbortSignal.timeout(10_000)),
    close: () => registry[Symbol.asyncDispose](),
  };
}

const schemeOf = (store) => store.url("").split(":")[0];
const heap = () => {
  globalThis.gc?.();
  return process.memoryUsage().heapUsed;
};

async function withScene(store, server, options, body) {
  const scene = await openScene(store, server, options);
  try {
    const bars = await body(scene);
    const [failure] = scene.traffic.failures;
    return { calls: scene.traffic.answered, failure: failure && `${failure.code}: ${failure.message}`, bars };
  } finally {
    await scene.close();
  }
}

async function msUntilSeen(scene, pids, limitMs) {
  return scene.traffic.sees(pids, limitMs).catch(() => Number.POSITIVE_INFINITY);
}

async function timeOf(work) {
  const startMs = performance.now();
  await work().catch(() => {});
  return performance.now() - startMs;
}

/** All records away while the processes live: by hand where that can be done, by a restart where it is the server's way. */
async function emptied(scene) {
  if (["zookeeper", "etcd"].includes(schemeOf(scene.store)))
    return removeRecords(scene, await scene.look.instances(application));
  await scene.server.kill("SIGKILL");
  await scene.server.wipe();
  await scene.server.restart();
}

async function removeRecords({ store, server }, instances) {
  const address = store.url(server.address);
  const signal = AbortSignal.timeout(5_000);
  if (schemeOf(store) === "zookeeper") {
    const connection = await zookeeperConnection({ address });
    for (const { id } of instances)
      await connection.client.delete(`/services/${application}/${id}`, -1, { signal });
    await connection[Symbol.asyncDispose]();
    return;
  }
  const connection = await etcdConnection({ address });
  for (const { id } of instances)
    await connection.client.delete({ key: `/services/${application}/${id}` }, { signal });
  await connection[Symbol.asyncDispose]();
}
