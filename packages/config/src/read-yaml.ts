import {
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  type ParsedNode,
  parseDocument,
  type YAMLMap,
} from "yaml";
import type { Located, LocatedEntry, LocatedMap, Problem, Where } from "./located.js";
import { quoted } from "./problems.js";

/** No configuration of a person is larger; what is larger would only cost time. */
const limits = {
  characters: 256 * 1024,
  marks: 30_000,
  parserDepth: 200,
  depth: 32,
  nodes: 20_000,
  aliases: 100,
} as const;

/** Names that have a meaning in JavaScript and none in a configuration. */
const forbiddenKeys: ReadonlySet<string> = new Set(["__proto__", "constructor", "prototype"]);

const tooDeep = `is nested deeper than ${limits.depth} levels`;

/** What was read; a tree is there as far as it could be read. */
export interface ReadResult {
  readonly root: Located | undefined;
  readonly problems: readonly Problem[];
}

/**
 * Reads YAML 1.2 (JSON is some) of the core schema: no tags of its own, no merge keys, aliases limited, so that a
 * small text cannot become a large tree.
 */
export function readYaml(file: string, text: string): ReadResult {
  if (text.length > limits.characters) return failure(file, `is longer than ${limits.characters} characters`);
  const { depth, marks } = measure(text);
  if (depth > limits.parserDepth) return failure(file, tooDeep);
  if (marks > limits.marks)
    return failure(file, `has more than ${limits.marks} line ends, commas, colons and the like`);
  const lines = new LineCounter();
  try {
    const document = parseDocument(text, {
      schema: "core",
      merge: false,
      prettyErrors: false, // they would quote the file, secrets included
      uniqueKeys: false, // checked here: theirs takes quadratic time
      lineCounter: lines,
      logLevel: "error",
    });
    const found = [...document.errors, ...document.warnings].map(({ pos, message }) => ({
      where: position(file, lines, pos[0]),
      path: "",
      message: message.startsWith("Maximum call stack") ? tooDeep : (message.split("\n", 1)[0] as string),
    }));
    if (document.contents === null || found.length > 0) return { root: undefined, problems: found };
    const reader = new Reader(file, lines);
    const root = reader.read(document.contents, "", 0);
    return { root, problems: reader.problems };
  } catch (error) {
    if (error instanceof RangeError) return failure(file, tooDeep);
    throw error;
  }
}

function failure(file: string, message: string): ReadResult {
  return { root: undefined, problems: [{ where: { file }, path: "", message }] };
}

function position(file: string, lines: LineCounter, offset: number): Where {
  const { line, col } = lines.linePos(offset);
  return { file, line, column: col };
}

/** What the parser would have to do for a text, counted coarsely: what stands in texts and comments counts too. */
interface Measure {
  /** Levels that may be open at once. */
  readonly depth: number;
  /** Characters that may begin a value; the parser takes microseconds for each. */
  readonly marks: number;
}

/**
 * The parser is recursive, and an exhausted stack can end the process, so deep texts must not reach it. Levels come
 * from brackets, from indentation (a level takes a column), and from indicators on one line: `- - - a`.
 */
function measure(text: string): Measure {
  let marks = 0;
  let open = 0;
  let brackets = 0;
  let lineIndent = 0;
  let indent = 0;
  let lineIndicators = 0;
  let indicators = 0;
  let leading = true;
  for (let at = 0; at < text.length; at++) {
    const character = text[at] as string;
    if (character === "[" || character === "{") brackets = Math.max(brackets, ++open);
    else if (character === "]" || character === "}") open = Math.max(0, open - 1);
    if ("\n,:[{?&*!-".includes(character)) marks += 1;
    if (character === "\n") [leading, lineIndent, lineIndicators] = [true, 0, 0];
    else {
      leading &&= " \t-?:".includes(character);
      if (leading) indent = Math.max(indent, ++lineIndent);
      if (character === ",") lineIndicators = 0;
      else if ("-?:".includes(character) && " \t\n".includes(text[at + 1] ?? "\n"))
        indicators = Math.max(indicators, ++lineIndicators);
    }
  }
  return { depth: Math.max(indent, indicators, brackets), marks };
}

/** Turns YAML nodes into a {@link Located} tree, and stops at the limits. */
class Reader {
  readonly problems: Problem[] = [];
  #nodes = 0;
  #aliases = 0;
  #full = false;

  /** The newest node of each name so far: theirs looks through the whole document for every alias. */
  readonly #anchors = new Map<string, ParsedNode>();

  constructor(
    readonly file: string,
    readonly lines: LineCounter,
  ) {}

  read(node: ParsedNode | null, path: string, depth: number): Located | undefined {
    if (node === null || this.#full) return undefined;
    const where = position(this.file, this.lines, node.range[0]);
    if (++this.#nodes > limits.nodes) return this.#stop(where, path, `more than ${limits.nodes} values`);
    if (depth > limits.depth) return this.#stop(where, path, tooDeep);
    if (isAlias(node)) {
      if (++this.#aliases > limits.aliases)
        return this.#stop(where, path, `more than ${limits.aliases} aliases`);
      const target = this.#anchors.get(node.source);
      if (target === undefined)
        this.problems.push({ where, path, message: "no anchor before it has this name" });
      return this.read(target ?? null, path, depth + 1);
    }
    if (node.anchor !== undefined) this.#anchors.set(node.anchor, node);
    if (isMap(node)) return this.#map(node as YAMLMap.Parsed, where, path, depth);
    if (isSeq(node)) {
      const items = node.items.map((item, index) =>
        this.read(item as ParsedNode, `${path}[${index}]`, depth + 1),
      );
      return { kind: "list", items: items.filter((item) => item !== undefined), where };
    }
    const { value, source } = node;
    if (value === null || value === undefined) return undefined;
    return { kind: "text", text: typeof value === "string" ? value : (source ?? ""), where };
  }

  #map(node: YAMLMap.Parsed, where: Where, path: string, depth: number): LocatedMap {
    const entries = new Map<string, LocatedEntry>();
    for (const { key, value } of node.items) {
      const at = position(this.file, this.lines, key.range[0]);
      if (!isScalar(key)) {
        this.problems.push({ where: at, path, message: "a key must be a text" });
        continue;
      }
      const written = typeof key.value === "string" ? key.value : (key.source ?? "");
      const below = path === "" ? written : `${path}.${written}`;
      if (entries.has(written)) this.problems.push({ where: at, path: below, message: "is given twice" });
      if (!allowedKey(written)) {
        this.problems.push({ where: at, path, message: `${quoted(written)} is not allowed as a key` });
        continue;
      }
      const read = this.read(value, below, depth + 1);
      if (read !== undefined) entries.set(written, { written, where: at, value: read });
    }
    return { kind: "map", entries, where };
  }

  #stop(where: Where, path: string, message: string): undefined {
    this.#full = true;
    this.problems.push({ where, path, message });
  }
}

/** False for names that have a meaning in JavaScript. */
export function allowedKey(key: string): boolean {
  return !forbiddenKeys.has(key);
}
