import { instanceId, silentLogger, systemRuntime } from "@dubbo-ts/core";
import { openRegistry } from "dubbo-ts";

export const runtime = { ...systemRuntime, log: silentLogger };
export const within = (ms) => AbortSignal.timeout(ms);

/** A connection of its own, as each process has one. */
export function connect(store, server) {
  return openRegistry(store.url(server.address), runtime);
}

/** A provider's instance, with a revision and an address of realistic length. */
export function instanceAt(application, index, revision = "2b04324bd248687484e2e65b1b9a3d16") {
  const host = `10.${(index >> 16) & 255}.${(index >> 8) & 255}.${index & 255}`;
  const port = 20_880;
  return {
    application,
    host,
    port,
    id: instanceId(host, port),
    revision,
    storage: "remote",
    ports: { dubbo: port },
    metadataService: { protocol: "dubbo", port, version: "1.0.0" },
    weight: 1,
    enabled: true,
    healthy: true,
    startedAtMs: 1_700_000_000_000,
    tag: undefined,
    labels: {},
  };
}

/** Runs `work` for each number below `count`, so many at once. */
export async function eachOf(count, atOnce, work) {
  for (let from = 0; from < count; from += atOnce)
    await Promise.all(Array.from({ length: Math.min(atOnce, count - from) }, (_, at) => work(from + at)));
}
