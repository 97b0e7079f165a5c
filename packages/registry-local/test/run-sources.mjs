// node --conditions=@dubbo-ts/source --import ./run-sources.mjs peer.mjs
// Runs TypeScript sources in a child process of a test, as jest runs them in its own: nothing has to be built.
import { readFile } from "node:fs/promises";
import { register } from "node:module";
import { fileURLToPath } from "node:url";
import { isMainThread } from "node:worker_threads";

if (isMainThread) register(import.meta.url);

/** `./x.js` beside `./x.ts` means the latter. */
export async function resolve(specifier, context, next) {
  const fromSource = context.parentURL?.endsWith(".ts") ?? false;
  if (!fromSource || !/^\.{1,2}\/.*\.js$/.test(specifier)) return next(specifier, context);
  return next(specifier.replace(/\.js$/, ".ts"), context);
}

export async function load(url, context, next) {
  if (!url.endsWith(".ts")) return next(url, context);
  const { transform } = await import("@swc/core");
  const { code } = await transform(await readFile(fileURLToPath(url), "utf8"), {
    swcrc: false,
    filename: url,
    jsc: { target: "es2022", parser: { syntax: "typescript" } },
    module: { type: "es6" },
  });
  return { format: "module", source: code, shortCircuit: true };
}
