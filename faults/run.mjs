// `npm run faults [-- --only=F1,zookeeper --full --jobs 2]`: the registry faults F1 to F13, on every registry, under load.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync, writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { build } from "../scripts/build-and-run.mjs";
import installServers from "../scripts/install-servers.mjs";
import { page, table } from "./report.mjs";

const { values } = parseArgs({
  options: {
    only: { type: "string", default: "" },
    full: { type: "boolean", default: false },
    jobs: { type: "string", default: "2" },
    store: { type: "string" },
    write: { type: "boolean", default: false },
    "no-build": { type: "boolean", default: false },
  },
});
const only = values.only.split(",").filter(Boolean);

if (values.store !== undefined) {
  const { runStore } = await import("./one-store.mjs");
  await runStore(values.store, only, values.full ? "full" : "short", (result) =>
    process.stdout.write(`${JSON.stringify(result)}\n`),
  );
  process.exit(0);
}

if (!values["no-build"]) {
  installServers();
  await build();
}
const { stores } = await import("./stores.mjs");
const names = Object.keys(stores).filter((name) => !only.some((one) => one in stores) || only.includes(name));
const results = [];
const waiting = [...names];
await Promise.all(Array.from({ length: Number(values.jobs) }, worker));

console.log(table(results));
if (values.write) writePage();
const broken = results.filter(({ ok }) => ok === false);
for (const { store, fault, error, bars = [] } of broken)
  console.error(
    `${fault} on ${store}: ${
      error ??
      bars
        .filter(({ ok }) => !ok)
        .map(({ what, value }) => `${what} ${value}`)
        .join("; ")
    }`,
  );
process.exitCode = broken.length === 0 ? 0 : 1;

/** What was not run this time stays as it was recorded. */
function writePage() {
  const file = "faults/results.json";
  const isNew = ({ store, fault }) => results.some((one) => one.store === store && one.fault === fault);
  const before = JSON.parse(readFileSync(file, "utf8")).filter((one) => !isNew(one));
  const date = new Date().toISOString().slice(0, 10);
  const length = values.full ? "full" : "short";
  const all = [...before, ...results.map((one) => ({ ...one, date, length }))];
  writeFileSync(file, `${JSON.stringify(all, null, 1)}\n`);
  writeFileSync("docs/reliability.md", page(all));
}

/** Each store in a process of its own: what one leaves behind is not measured with the next. */
async function worker() {
  for (let name = waiting.shift(); name !== undefined; name = waiting.shift()) {
    const args = [
      "--expose-gc",
      process.argv[1],
      "--store",
      name,
      "--only",
      only.join(","),
      ...(values.full ? ["--full"] : []),
    ];
    const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
    let text = "";
    child.stdout.on("data", (data) => {
      text += data;
      for (let end = text.indexOf("\n"); end >= 0; end = text.indexOf("\n")) {
        const line = text.slice(0, end);
        text = text.slice(end + 1);
        if (!line.startsWith("{")) continue;
        const result = JSON.parse(line);
        results.push(result);
        console.error(
          `${result.ok === undefined ? "–" : result.ok ? "ok" : "NO"}  ${result.fault} ${result.store}${result.error ? `: ${result.error}` : ""}`,
        );
      }
    });
    const [code] = await once(child, "exit");
    if (code !== 0)
      results.push({ store: name, fault: "all", ok: false, error: `the run ended with ${code}` });
  }
}
