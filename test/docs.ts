import { readFileSync } from "node:fs";
import { join } from "node:path";

/** The root of the repository. */
export const root = join(__dirname, "..");

/** A fenced block of a page. */
export interface Block {
  /** `ts`, `sh`, `text` ... */
  readonly language: string;
  /** What its first line names, as a comment: `// greeter.ts`. Undefined: none. */
  readonly file: string | undefined;
  /** Without that line. */
  readonly text: string;
}

/** The fenced blocks of the page at `path`, a path from the root. */
export function blocksOf(path: string): readonly Block[] {
  const page = readFileSync(join(root, path), "utf8");
  return [...page.matchAll(/^```(\w+)\n(.*?)^```$/gms)].map(([, language = "", text = ""]) => {
    const [first = ""] = text.split("\n", 1);
    const file = /^(?:\/\/|#) ([\w./-]+\.\w+)$/.exec(first)?.[1];
    return { language, file, text: file === undefined ? text : text.slice(first.length + 1) };
  });
}

/**
 * The unnamed TypeScript blocks of a page as one program: what an earlier block declares, a later one uses. Imports
 * are joined, so that each block can have those that it needs.
 */
export function programOf(blocks: readonly Block[]): string {
  const imports = new Map<string, Set<string>>();
  const bodies = blocks
    .filter(({ language, file }) => language === "ts" && file === undefined)
    .map(({ text }) =>
      text.replace(/^import \{([^}]*)\} from "([^"]+)";\n/gm, (_, names: string, from: string) => {
        const known = imports.get(from) ?? new Set();
        imports.set(from, known);
        for (const name of names.split(",")) if (name.trim() !== "") known.add(name.trim());
        return "";
      }),
    );
  const lines = [...imports].map(([from, names]) => `import { ${[...names].join(", ")} } from "${from}";`);
  return [...lines, ...bodies, "export {};", ""].join("\n");
}
