// One process of a local registry: registers an instance and says, one JSON object a line, what it sees.
// node peer.mjs <port> <data file> <application port> <first joins when this time in ms has come>
import { joinLocalRegistry } from "@dubbo-ts/registry-local";

const [port, dataFile, instancePort, startAt] = process.argv.slice(2);
const say = (fact) => process.stdout.write(`${JSON.stringify({ ...fact, atMs: Date.now() })}\n`);

say({ loaded: true });
while (Date.now() < Number(startAt ?? 0)) await new Promise((resolve) => setImmediate(resolve));
const joined = await joinLocalRegistry({ port: Number(port), dataFile });
const forever = new AbortController().signal;
say({ joined: true, serving: joined.serving });

let serving = joined.serving;
setInterval(() => {
  if (joined.serving !== serving) say({ serving: (serving = joined.serving) });
}, 2).unref();

process.once("SIGTERM", () => void joined[Symbol.asyncDispose]().then(() => process.exit(0)));

await joined.registry.register(
  {
    application: "peers",
    host: "127.0.0.1",
    port: Number(instancePort),
    id: `127.0.0.1:${instancePort}`,
    revision: "0123456789abcdef0123456789abcdef",
    storage: "local",
    ports: { dubbo: Number(instancePort) },
    metadataService: undefined,
    weight: 1,
    enabled: true,
    healthy: true,
    startedAtMs: undefined,
    tag: undefined,
    labels: {},
  },
  forever,
);
say({ registered: true });
for await (const { instances, settled } of joined.registry.watch("peers", forever))
  say({ ports: instances.map((instance) => instance.port).sort((a, b) => a - b), settled });
