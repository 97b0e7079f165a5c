// `npm run sample -- <name> [--registry URL] [--profile P] [--port N]`: runs a sample from its built code.
import { existsSync, readdirSync } from "node:fs";
import { build, run } from "./build-and-run.mjs";

const [name, ...args] = process.argv.slice(2);
const names = readdirSync("samples").filter((folder) => existsSync(`samples/${folder}/src/main.ts`));
if (name === undefined || !names.includes(name)) {
  console.error(`usage: npm run sample -- <${names.join(" | ")}> [--registry URL] [--profile P] [--port N]`);
  process.exitCode = 2;
} else {
  await build();
  process.exitCode = await run(`samples/${name}/dist/main.js`, args);
}
