import type { Located, LocatedEntry, Problem } from "./located.js";
import { quoted } from "./problems.js";

/** Names and texts of the environment. */
export type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Every `${NAME}` and `${NAME:default}` in the texts of `root` replaced from `env`; a variable that is empty
 * counts as not set when there is a default. What a variable holds is taken as it is, never replaced again.
 * Defaults may hold further ones. `$${` stands for `${`.
 */
export function interpolate(
  root: Located,
  env: Environment,
): { root: Located; problems: readonly Problem[] } {
  const problems: Problem[] = [];
  const walk = (node: Located, path: string): Located => {
    switch (node.kind) {
      case "text":
        if (!node.text.includes("${")) return node;
        return {
          ...node,
          text: replace(node.text, env, (message) => problems.push({ where: node.where, path, message })),
        };
      case "list":
        return { ...node, items: node.items.map((item, index) => walk(item, `${path}.${index}`)) };
      case "map": {
        const entries = new Map<string, LocatedEntry>();
        for (const [key, entry] of node.entries) {
          const below = path === "" ? entry.written : `${path}.${entry.written}`;
          entries.set(key, { ...entry, value: walk(entry.value, below) });
        }
        return { ...node, entries };
      }
    }
  };
  return { root: walk(root, ""), problems };
}

function replace(text: string, env: Environment, problem: (message: string) => void): string {
  let out = "";
  let at = 0;
  for (;;) {
    const start = text.indexOf("${", at);
    if (start < 0) return out + text.slice(at);
    if (text[start - 1] === "$") {
      out += text.slice(at, start - 1) + "${";
      at = start + 2;
      continue;
    }
    const end = closing(text, start + 2);
    if (end < 0) {
      problem('"${" without "}"');
      return out;
    }
    out += text.slice(at, start) + variable(text.slice(start + 2, end), env, problem);
    at = end + 1;
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

function variable(inside: string, env: Environment, problem: (message: string) => void): string {
  const colon = inside.indexOf(":");
  const name = colon < 0 ? inside : inside.slice(0, colon);
  if (!/^[A-Za-z_][\w.-]*$/.test(name)) {
    problem(`${quoted(name)} is no name of an environment variable`);
    return "";
  }
  const value = Object.hasOwn(env, name) ? env[name] : undefined;
  if (value !== undefined && (value !== "" || colon < 0)) return value;
  if (colon >= 0) return replace(inside.slice(colon + 1), env, problem);
  problem(`environment variable ${name} is not set, and \${${name}} has no default`);
  return "";
}
