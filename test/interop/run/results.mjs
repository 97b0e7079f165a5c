import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { compatibilityPage } from "./page.mjs";

const file = fileURLToPath(new URL("../results.json", import.meta.url));
const page = fileURLToPath(new URL("../../../docs/compatibility.md", import.meta.url));

/** What was reached, by the cell's key: recorded in `results.json`, shown in docs/compatibility.md. */
export class Results {
  #recorded = existsSync(file) ? JSON.parse(readFileSync(file, "utf8")) : { cells: {} };
  #now = {};

  add(key, result) {
    this.#now[key] = result;
  }

  get hasFailures() {
    return Object.values(this.#now).some(({ failures }) => Object.keys(failures).length > 0);
  }

  /** Cells in which a case fails that is recorded as passed. */
  fallen() {
    return Object.entries(this.#now).flatMap(([key, { passed, run }]) => {
      const before = this.#recorded.cells[key];
      if (before === undefined || (passed >= before.passed && run >= before.run)) return [];
      return [`${key}: ${passed} of ${run}, was ${before.passed} of ${before.run}`];
    });
  }

  write() {
    const short = ({ passed, run, failures }) => ({ passed, run, failed: Object.keys(failures).sort() });
    const now = Object.entries(this.#now).map(([key, result]) => [key, short(result)]);
    const cells = Object.fromEntries([...Object.entries(this.#recorded.cells), ...now]);
    const sorted = Object.fromEntries(Object.entries(cells).sort(([a], [b]) => (a < b ? -1 : 1)));
    const date = new Date().toISOString().slice(0, 10);
    const results = { ...this.#recorded, date, cells: { ...this.#recorded.cells, ...sorted } };
    writeFileSync(file, `${JSON.stringify(results, undefined, 2)}\n`);
    writeFileSync(page, compatibilityPage(results));
  }
}
