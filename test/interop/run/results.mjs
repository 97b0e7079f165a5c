import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { cellKey } from "./cells.mjs";
import { compatibilityPage, explanation } from "./page.mjs";

const file = fileURLToPath(new URL("../results.json", import.meta.url));
const page = fileURLToPath(new URL("../../../docs/compatibility.md", import.meta.url));

/** What was reached: recorded in `results.json`, shown in docs/compatibility.md. */
export class Results {
  #recorded = recorded();
  #cells = {};
  #lives = {};
  hasFailures = false;

  /** Gives lines for people. */
  addCell(cell, { passed, run, failures }) {
    const key = cellKey(cell);
    const failed = Object.keys(failures).sort();
    this.#cells[key] = { passed, run, failed };
    this.hasFailures ||= failed.length > 0;
    const lines = failed.map((name) => {
      const why = explanation(cell, name);
      return `\n    ${name}: ${why === undefined ? failures[name].slice(0, 400) : `known, ${why.bug}`}`;
    });
    return `${key.padEnd(44)} ${passed} of ${run}${lines.join("")}`;
  }

  /** The same of an event in a life. */
  addEvent(life, event, { calls, failed, errors, byLabel, trouble = faultOfPeer(life, failed, errors) }) {
    const key = `${life.provider}>${life.consumer} ${life.registry} ${life.form}`;
    const note = trouble === undefined ? {} : { trouble };
    this.#lives[key] = { ...this.#lives[key], [event]: { calls, failed, ...note } };
    const bad = failed > 0 || trouble !== undefined;
    this.hasFailures ||= bad;
    const labels = Object.entries(byLabel).map(([label, count]) => `${label} ${count}`);
    const more = bad
      ? [trouble, ...errors.slice(0, 5)].filter(Boolean).map((text) => `\n    ${text.slice(0, 300)}`)
      : [];
    return `${key.padEnd(28)} ${event}: ${failed} of ${calls} failed (${labels.join(", ")})${more.join("")}`;
  }

  /** What fails that is recorded as passed, of what this project has a part in. */
  fallen() {
    const { cells = {}, lives = {} } = this.#recorded;
    const fallen = [];
    for (const [key, { passed, run }] of Object.entries(this.#cells)) {
      // What the others reach with each other is shown, not promised.
      if (!key.includes("node")) continue;
      const before = cells[key];
      if (before !== undefined && (passed < before.passed || run < before.run))
        fallen.push(`${key}: ${passed} of ${run}, was ${before.passed} of ${before.run}`);
    }
    for (const [key, events] of Object.entries(this.#lives))
      for (const [event, { failed, trouble }] of Object.entries(events)) {
        if (/\b[JG]B\d/.test(trouble ?? "")) continue; // their fault, by its number
        const before = lives[key]?.[event];
        if (before === undefined || before.failed > 0 || before.trouble !== undefined) continue;
        if (failed > 0 || trouble !== undefined)
          fallen.push(`${key}, ${event}: ${trouble ?? `${failed} failed`}`);
      }
    return fallen;
  }

  write() {
    const { cells = {}, lives = {} } = recorded(); // read again: another run may have ended meanwhile
    const results = {
      date: new Date().toISOString().slice(0, 10),
      cells: sorted({ ...cells, ...this.#cells }),
      lives: sorted({ ...lives, ...this.#lives }),
    };
    writeFileSync(file, `${JSON.stringify(results, undefined, 2)}\n`);
    writeFileSync(page, compatibilityPage(results));
  }
}

/** Writes the page anew from what is recorded. */
export function writePage() {
  writeFileSync(page, compatibilityPage(JSON.parse(readFileSync(file, "utf8"))));
}

const recorded = () => (existsSync(file) ? JSON.parse(readFileSync(file, "utf8")) : {});

function faultOfPeer({ consumer, form }, failed, errors) {
  if (failed === 0 || consumer !== "java" || form !== "tri") return undefined;
  if (!errors.every((error) => error.includes("CANCELLED"))) return undefined;
  return "JB11: Java does not repeat triple calls that were in flight on a connection that ends";
}

const sorted = (table) => Object.fromEntries(Object.entries(table).sort(([a], [b]) => (a < b ? -1 : 1)));
