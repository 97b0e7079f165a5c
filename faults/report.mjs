// What a run found, for the terminal and for docs/reliability.md.
import { cpus } from "node:os";
import { scenarios } from "./scenarios.mjs";
import { stores } from "./stores.mjs";

const columns = Object.entries(stores);

/** A row for each fault, a column for each registry. */
export function table(results) {
  const head = ["fault", ...columns.map(([, { title }]) => title)];
  const rows = Object.entries(scenarios).map(([id, { title }]) => [
    `${id} ${title}`,
    ...columns.map(([name]) => cell(results.find(({ store, fault }) => store === name && fault === id))),
  ]);
  return [head, head.map(() => "---"), ...rows].map((row) => `| ${row.join(" | ")} |`).join("\n");
}

function cell(result) {
  if (result === undefined) return "";
  if (result.ok === undefined) return "–";
  if (result.bars === undefined) return "not run";
  const [failed] = result.bars;
  const count = failed.what.startsWith("failed") ? `${failed.value} of ${result.calls} failed` : "";
  const missed = result.bars
    .filter(({ ok }) => !ok)
    .map(({ what, value, limit, unit }) => `${what} ${value} ${unit} (bar ${limit})`);
  return missed.length === 0 ? `ok${count === "" ? "" : `, ${count}`}` : `**missed**: ${missed.join("; ")}`;
}

/** Every measurement with its bar. */
function details(results) {
  return Object.entries(scenarios)
    .map(([id, { title, times, counts }]) => {
      const found = results.filter(({ fault, bars }) => fault === id && bars !== undefined);
      if (found.length === 0) return "";
      const whats = [...new Set(found.flatMap(({ bars }) => bars.map(({ what }) => what)))];
      const rows = whats.map((what) => {
        const of = found.map(({ store, bars }) => ({ store, bar: bars.find((one) => one.what === what) }));
        const known = of.find(({ bar }) => bar?.limit !== undefined)?.bar;
        const limit =
          known === undefined
            ? ""
            : `${known.least ? "≥" : "≤"} ${[...new Set(of.flatMap(({ bar }) => bar?.limit ?? []))].join(" / ")}`;
        const cells = columns.map(([name]) => of.find(({ store }) => store === name)?.bar?.value ?? "");
        return [`${what}${known?.unit ? `, ${known.unit}` : ""}`, limit, ...cells];
      });
      const head = ["", "bar", ...columns.map(([, store]) => store.title)];
      const text = [head, head.map(() => "---"), ...rows].map((row) => `| ${row.join(" | ")} |`).join("\n");
      const length =
        counts === undefined
          ? `${times.short / 1_000} s, with --full ${times.full / 1_000} s`
          : `${times.short} ${counts}, with --full ${times.full}`;
      return `### ${id}: ${title}\n\nLength: ${length}.\n\n${text}\n`;
    })
    .filter(Boolean)
    .join("\n");
}

/** `F7 on Nacos 2.3 and embedded; F3 on Redis`. */
function byFault(results) {
  const list = new Intl.ListFormat("en-GB");
  return [...new Set(results.map(({ fault }) => fault))]
    .map((id) => {
      const titles = results.filter(({ fault }) => fault === id).map(({ store }) => stores[store].title);
      return `${id} on ${list.format(titles)}`;
    })
    .join("; ");
}

/** The whole of docs/reliability.md. */
export function page(results) {
  const dates = [...new Set(results.map(({ date }) => date))].sort((one, other) => one.localeCompare(other));
  const run = results.filter(({ bars }) => bars !== undefined);
  const [most, rest] = ["full", "short"]
    .map((length) => run.filter((one) => one.length === length))
    .sort((one, other) => other.length - one.length);
  const lengths = `${most[0].length} lengths${rest.length === 0 ? "" : `, ${rest[0].length} ones for ${byFault(rest)}`}`;
  return `# Reliability

What happens to calls when a registry fails. \`npm run faults\` does it: five provider processes and one consumer with default settings,
200 calls a second all the while, on each registry; the faults are real (signals, wiped data, a TCP proxy that lets bytes vanish). A
dash: the fault does not exist there.

Run on ${dates.join(", ")}, ${lengths}, Node ${process.versions.node}, ${cpus().length} shared cores.
\`npm run faults -- --write\` writes this page; \`--only=F1,zookeeper\` narrows it; \`--full\` takes the full lengths, which are hours.

${table(results)}

## What was measured

${details(results)}`;
}
