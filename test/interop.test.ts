import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

const root = join(__dirname, "..");
const read = (name: string) => readFileSync(join(root, name), "utf8");

function testFiles(folder: string): string[] {
  return readdirSync(join(root, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = `${folder}/${entry.name}`;
    if (entry.isDirectory()) return ["node_modules", "dist"].includes(entry.name) ? [] : testFiles(path);
    return entry.name.endsWith(".test.ts") ? [path] : [];
  });
}

describe("the table of quirks in docs/compatibility.md", () => {
  const quirks = JSON.parse(read("test/interop/quirks.json")) as [string, string][];

  test("names tests that exist", () => {
    const tests = ["packages", "protocols", "test"].flatMap(testFiles).map(read).join("\n");
    const missing = quirks.filter(([, name]) => !tests.includes(JSON.stringify(name)));
    expect(missing).toEqual([]);
  });

  test("is that of the project", () => {
    const page = read("docs/compatibility.md");
    expect(quirks.filter(([quirk, name]) => !page.includes(`| ${quirk} | \`${name}\` |`))).toEqual([]);
  });
});
