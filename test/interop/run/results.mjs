import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { allCells, allLives, cellKey, lifeKey } from "./cells.mjs";
import { lifeEvents, perSecond } from "./events.mjs";
import { compatibilityPage, explanation } from "./page.mjs";

const file = fileURLToPath(new URL("../results.json", import.meta.url));
const page = fileURLToPath(new URL("../../../docs/compatibility.md", import.meta.url));

/** What was reached: recorded in `results.json`, shown in docs/compatibility.md. */
export class Results {
  #recorded = recorded();
  #cells = new Map();
  #lives = new Map();
  #broken = new Map();
  #missed = [];

  /** Gives lines for people. */
  addCell(cell, { passed, run, failures }) {
    const failed = Object.keys(failures).sort();
    this.#cells.set(cellKey(cell), { cell, result: { passed, run, failed } });
    const lines = failed.map((name) => {
      const why = explanation(cell, name);
      return `\n    ${name}: ${why === undefined ? failures[name].slice(0, 400) : `known, ${why.bug}`}`;
    });
    return `${cellKey(cell).padEnd(44)} ${passed} of ${run}${lines.join("")}`;
  }

  /** The same of an event in a life. */
  addEvent(
    life,
    event,
    { calls, failed, errors, byLabel, trouble = faultOfPeer(life, event, failed, errors) },
  ) {
    const note = trouble === undefined ? {} : { trouble };
    const key = lifeKey(life);
    if (!this.#lives.has(key)) this.#lives.set(key, { life, events: {} });
    this.#lives.get(key).events[event] = { calls, failed, ...note };
    const labels = Object.entries(byLabel).map(([label, count]) => `${label} ${count}`);
    const more = isGood({ failed, trouble })
      ? []
      : [trouble, ...errors.slice(0, 5)].filter(Boolean).map((text) => `\n    ${text.slice(0, 300)}`);
    return `${cellKey(life).padEnd(34)} ${event}: ${failed} of ${calls} failed (${labels.join(", ")})${more.join("")}`;
  }

  /** The same of a cell or a story that ended before it was through. */
  addBroken(part, trouble) {
    this.#broken.set(part, trouble);
    return `${nameOf(part)} ended early: ${trouble}`;
  }

  /** The same of a cell or a story for which there was no time. */
  addMissed(part, why) {
    const line = `${nameOf(part)}: ${why}`;
    this.#missed.push(line);
    return `not run: ${line}`;
  }

  /** Lines about what there was no time for. */
  get missed() {
    return this.#missed;
  }

  get hasFailures() {
    const events = [...this.#lives.values()].flatMap((life) => Object.values(life.events));
    const failed = [...this.#cells.values()].flatMap(({ result }) => result.failed);
    return this.#broken.size > 0 || failed.length > 0 || !events.every(isGood);
  }

  /**
   * What fails that is recorded as passed, or that is new and not explained, of what this project has a part in:
   * `{ part, line }`, `part` a cell or a life.
   */
  fallen() {
    const broken = [...this.#broken].filter(([part]) => isPromised(part));
    return [
      ...broken.map(([part, trouble]) => ({ part, line: `${nameOf(part)} ended early: ${trouble}` })),
      ...this.#fallenCells(),
      ...this.#fallenEvents(),
    ];
  }

  #fallenCells() {
    const { cells = {} } = this.#recorded;
    return [...this.#cells].flatMap(([key, { cell, result }]) => {
      if (!isPromised(cell)) return [];
      const before = cells[key];
      const was = before === undefined ? "" : `, was ${before.passed} of ${before.run}`;
      const isWorse =
        before === undefined
          ? result.run === 0 || result.failed.some((name) => explanation(cell, name) === undefined)
          : result.passed < before.passed || result.run < before.run;
      return isWorse ? [{ part: cell, line: `${key}: ${result.passed} of ${result.run}${was}` }] : [];
    });
  }

  #fallenEvents() {
    const { lives = {} } = this.#recorded;
    return [...this.#lives].flatMap(([key, { life, events }]) =>
      Object.entries(events).flatMap(([event, result]) => {
        const before = lives[key]?.[event];
        if (isExcused(result) || (before !== undefined && !isGood(before))) return [];
        return [{ part: life, line: `${key}, ${event}: ${result.trouble ?? `${result.failed} failed`}` }];
      }),
    );
  }

  /** Puts what a second run has reached in the place of what fell in the first, where it is better; gives lines for people. */
  takeBetter(second) {
    const lines = [];
    for (const [key, { cell, result }] of second.#cells) {
      const first = this.#cells.get(key)?.result ?? { passed: 0, run: result.run };
      if (result.passed <= first.passed) continue;
      const before = `${first.passed} of ${first.run}`;
      this.#cells.set(key, { cell, result: { ...result, first: before } });
      this.#broken.delete(cell);
      lines.push(`${key}: ${result.passed} of ${result.run} at the second run (first: ${before})`);
    }
    for (const { life, events } of second.#lives.values())
      lines.push(...this.#takeEvents(life, events, second));
    return lines;
  }

  #takeEvents(life, events, second) {
    const key = lifeKey(life);
    const own = this.#lives.get(key)?.events ?? {};
    const lines = [];
    for (const [event, result] of Object.entries(events)) {
      const first = own[event];
      if (first !== undefined && (isExcused(first) || !isExcused(result))) continue;
      const before = first === undefined ? "not reached" : (first.trouble ?? `${first.failed} failed`);
      own[event] = { ...result, first: before };
      if (isExcused(result)) lines.push(`${key}, ${event}: passed at the second run (first: ${before})`);
    }
    this.#lives.set(key, { life, events: own });
    if (!second.#broken.has(life)) this.#broken.delete(life);
    return lines;
  }

  write() {
    const before = recorded(); // read again: another run may have ended meanwhile
    const cells = Object.fromEntries([...this.#cells].map(([key, { result }]) => [key, result]));
    const lives = Object.fromEntries([...this.#lives].map(([key, { events }]) => [key, events]));
    const results = {
      date: new Date().toISOString().slice(0, 10),
      cells: sorted({ ...before.cells, ...cells }, allCells().map(cellKey)),
      lives: sorted({ ...before.lives, ...lives }, allLives().map(lifeKey)),
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

const nameOf = (part) => (part.story === undefined ? cellKey(part) : lifeKey(part));

/** What the others reach with each other is shown, not promised. */
const isPromised = ({ provider, consumer }) => provider === "node" || consumer === "node";

const isGood = ({ failed, trouble }) => failed === 0 && trouble === undefined;

/** Good, or a fault of the peer, by its number. */
const isExcused = (event) => isGood(event) || /\b[JG]B\d/.test(event.trouble ?? "");

function faultOfPeer({ consumer, form, registry }, event, failed, errors) {
  if (failed === 0 || consumer === "node") return undefined;
  const areAll = (...texts) => errors.every((error) => texts.some((text) => error.includes(text)));
  const cut = event === lifeEvents.killed ? ["CANCELLED", "INTERNAL : Http2 exception"] : ["CANCELLED"];
  if (consumer === "java" && form === "tri" && areAll(...cut))
    return "JB11: Java does not repeat triple calls that were in flight on a connection that ends";
  // Until providers have registered again, which those of this project do within a second or two.
  const isEmptied = registry === "nacos" && event === lifeEvents.away && areAll("No provider available");
  if (!isEmptied || failed > 2 * perSecond) return undefined;
  const bug = consumer === "java" ? "JB16: Java" : "GB22: dubbo-go";
  return `${bug} believes the empty list that Nacos pushes after a restart`;
}

/** By name; what there is no more is left out. */
function sorted(table, keys) {
  const there = Object.entries(table).filter(([key]) => keys.includes(key));
  return Object.fromEntries(there.sort(([a], [b]) => (a < b ? -1 : 1)));
}
