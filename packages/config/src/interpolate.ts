import { joinPath, type Located, type LocatedEntry, type LocatedMap, type Problem } from "./located.js";
import { quoted } from "./problems.js";
import { fold } from "./schema/key.js";

/** Names and texts of the environment. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** What no configuration of a person reaches: variables within variables, and characters that they stand for. */
const limits = { depth: 16, characters: 1_048_576 } as const;

/**
 * Every `${NAME}` and `${NAME:default}` in the texts of `root` replaced from `env`; a variable that is empty
 * counts as not set when there is a default. What a variable holds is taken as it is, never replaced again.
 * Defaults may hold further ones. `$${` stands for `${`. A name with dots that the environment does not have is
 * another key of the file, as in dubbo-go: `${dubbo.application.name:default}`; what stands there is replaced first.
 */
export function interpolate(
  root: Located,
  env: Environment,
): { root: Located; problems: readonly Problem[] } {
  const replacing = new Replacing(root, env);
  return { root: replacing.walk(root, ""), problems: replacing.problems };
}

/** What is read for a variable, or a problem with it. */
type Result = { readonly text: string } | { readonly problem: string };

class Replacing {
  readonly problems: Problem[] = [];
  readonly #texts = new Map<Located, Result>();
  readonly #keys: FileKeys;
  #characters = 0;

  constructor(
    root: Located,
    private readonly env: Environment,
  ) {
    this.#keys = new FileKeys(root);
  }

  walk(node: Located, path: string): Located {
    if (node.kind === "list")
      return { ...node, items: node.items.map((item, index) => this.walk(item, `${path}.${index}`)) };
    if (node.kind === "map") {
      const entries = new Map<string, LocatedEntry>();
      for (const [key, entry] of node.entries)
        entries.set(key, { ...entry, value: this.walk(entry.value, joinPath(path, entry.written)) });
      return { ...node, entries };
    }
    if (!node.text.includes("${")) return node;
    const result = this.#textOf(node, 0);
    if ("text" in result) return { ...node, text: result.text };
    this.problems.push({ where: node.where, path, message: result.problem });
    return node;
  }

  /** The text of a node with all replaced; made once. */
  #textOf(node: Located & { kind: "text" }, depth: number): Result {
    const known = this.#texts.get(node);
    if (known !== undefined) return known;
    this.#texts.set(node, { problem: "refers to itself" });
    const result = this.#replace(node.text, depth);
    this.#texts.set(node, result);
    return result;
  }

  #replace(text: string, depth: number): Result {
    if (depth > limits.depth) return { problem: `variables are nested deeper than ${limits.depth} levels` };
    let out = "";
    let at = 0;
    for (;;) {
      const start = text.indexOf("${", at);
      if (start < 0) return this.#bounded(out + text.slice(at));
      if (start > at && text[start - 1] === "$") {
        out += text.slice(at, start - 1) + "${";
        at = start + 2;
        continue;
      }
      const end = closing(text, start + 2);
      if (end < 0) return { problem: '"${" without "}"' };
      const value = this.#variable(text.slice(start + 2, end), depth);
      if ("problem" in value) return value;
      out += text.slice(at, start) + value.text;
      if (out.length > limits.characters) return this.#bounded(out);
      at = end + 1;
    }
  }

  #bounded(text: string): Result {
    this.#characters += text.length;
    if (this.#characters <= limits.characters) return { text };
    return { problem: `variables stand for more than ${limits.characters} characters` };
  }

  #variable(inside: string, depth: number): Result {
    const colon = inside.indexOf(":");
    const name = colon < 0 ? inside : inside.slice(0, colon);
    if (!/^[A-Za-z_][\w.-]*$/.test(name))
      return { problem: `${quoted(name)} is no name of an environment variable` };
    const value = Object.hasOwn(this.env, name) ? this.env[name] : undefined;
    if (value !== undefined && (value !== "" || colon < 0)) return { text: value };
    const other = this.#keys.find(name);
    if (other !== undefined && other.text !== "") return this.#textOf(other, depth + 1);
    if (colon >= 0) return this.#replace(inside.slice(colon + 1), depth + 1);
    return {
      problem: name.includes(".")
        ? `neither the environment nor the file has ${quoted(name)}, and it has no default`
        : `environment variable ${name} is not set, and \${${name}} has no default`,
    };
  }
}

/** The index of the brace that closes what was opened before `from`; negative when there is none. */
function closing(text: string, from: number): number {
  let open = 1;
  for (let at = from; at < text.length; at++) {
    if (text.startsWith("${", at)) open += 1;
    if (text[at] === "}" && --open === 0) return at;
  }
  return -1;
}

/** Single texts of a file by their keys with dots between them, whichever spelling, below `dubbo` or not. */
class FileKeys {
  readonly #found = new Map<string, (Located & { kind: "text" }) | undefined>();
  readonly #indexes = new Map<LocatedMap, ReadonlyMap<string, Located>>();

  constructor(private readonly root: Located) {}

  find(name: string): (Located & { kind: "text" }) | undefined {
    const steps = name.split(".");
    if (steps.length < 2 || steps.length > limits.depth) return undefined;
    if (!this.#found.has(name)) {
      const found = this.#below(this.root, steps[0] === "dubbo" ? steps.slice(1) : steps);
      this.#found.set(name, found?.kind === "text" ? found : undefined);
    }
    return this.#found.get(name);
  }

  // Keys may have dots themselves: `tps.limit.rate`.
  #below(node: Located, steps: readonly string[]): Located | undefined {
    if (steps.length === 0) return node;
    if (node.kind !== "map") return undefined;
    const index = this.#indexOf(node);
    for (let taken = 1; taken <= steps.length; taken++) {
      const next = index.get(fold(steps.slice(0, taken).join(".")));
      const found = next === undefined ? undefined : this.#below(next, steps.slice(taken));
      if (found !== undefined) return found;
    }
    return undefined;
  }

  #indexOf(node: LocatedMap): ReadonlyMap<string, Located> {
    let index = this.#indexes.get(node);
    if (index === undefined) {
      const made = new Map<string, Located>();
      for (const [key, { written, value }] of node.entries)
        made.set(fold(written), value).set(fold(key), value);
      this.#indexes.set(node, (index = made));
    }
    return index;
  }
}
