// One side of one target, in a process of its own, told by its parent what to do.
import { targets } from "./targets/index.mjs";
import { workloads } from "./workload.mjs";
import { closedLoop } from "./closed-loop.mjs";

const [side, name] = process.argv.slice(2);
const target = await import(targets.find((known) => known.name === name).module.replace("./", "./targets/"));

const commands = {
  serve: () => target.serve(),
  async connect({ address }) {
    client = await target.connect(address);
    for (const [workload, { isRight }] of Object.entries(workloads)) {
      if (!isRight(await client[workload]())) throw new Error(`${name}: wrong answer to ${workload}`);
    }
  },
  run: ({ workload, concurrency, ms }) => closedLoop(client[workload], concurrency, ms),
  cpu: () => process.cpuUsage(),
};
let client;

process.on("message", async ({ command, ...input }) => {
  try {
    process.send({ result: await commands[command](input) });
  } catch (error) {
    process.send({ error: `${side} of ${name}: ${error?.stack ?? error}` });
  }
});
// The parent is gone: nobody reads what is measured.
process.on("disconnect", () => process.exit());
process.send({ result: "ready" });
