// Builds the peers: what they need comes from Maven and the Go module proxy, once.
import { existsSync, mkdirSync } from "node:fs";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";
import { runProgram } from "./program.mjs";

const folder = fileURLToPath(new URL("..", import.meta.url));
const inFolder = (...parts) => join(folder, ...parts);

const onPath = (name) => (process.env.PATH ?? "").split(delimiter).some((one) => existsSync(join(one, name)));

const dubboJava = "3.3.6";
const dubboJava2 = "2.7.23";
const dubboGo = "3.3.2";

const opens = (name) => `--add-opens=java.base/${name}=ALL-UNNAMED`;

function java(version, name, options = []) {
  const target = inFolder(name, "target");
  return {
    version: `Apache Dubbo ${version}`,
    needs: ["java", "javac", "mvn"],
    build: [["mvn", "-q", "-B", "-ntp", "package"]],
    command: [
      "java",
      // Small and quick to start; a locale may say another charset.
      "-Xmx256m",
      "-XX:+UseSerialGC",
      "-XX:TieredStopAtLevel=1",
      "-Dfile.encoding=UTF-8",
      ...options,
      "-cp",
      `${join(target, "peer.jar")}:${join(target, "lib")}/*`,
      "org.example.interop.peer.Main",
    ],
  };
}

/** How each peer is made and started, and which of Dubbo's releases it is. */
export const languages = {
  node: {
    version: "this repository",
    needs: [],
    build: [],
    command: [process.execPath, inFolder("node", "main.mjs")],
  },
  java: java(dubboJava, "java"),
  // It makes its proxies and writes big numbers in ways that Java 17 has closed.
  java27: java(dubboJava2, "java27", [opens("java.lang"), opens("java.math"), opens("java.util")]),
  go: {
    version: `dubbo-go ${dubboGo}`,
    needs: ["go"],
    build: [["go", "build", "-o", "target/peer", "."]],
    command: [inFolder("go", "target", "peer")],
  },
};

/** Builds those that are asked for; gives those that this machine can build, and says which it cannot. */
export async function buildPeers(names) {
  const built = [];
  for (const name of names) {
    const missing = languages[name].needs.filter((program) => !onPath(program));
    if (missing.length > 0) {
      console.log(`no ${name} peer: ${missing.join(", ")} missing on this machine`);
      continue;
    }
    await build(name);
    built.push(name);
  }
  return built;
}

async function build(name) {
  const beginMs = performance.now();
  for (const program of languages[name].build) {
    mkdirSync(inFolder(name, "target"), { recursive: true });
    const run = () => runProgram(program, { cwd: inFolder(name), withinMs: 600_000 });
    // A download may fail.
    if ((await run()) !== 0 && (await run()) !== 0) throw new Error(`the ${name} peer could not be built`);
  }
  if (languages[name].build.length > 0)
    console.log(`built the ${name} peer in ${Math.round((performance.now() - beginMs) / 1_000)} s`);
}

/** Whether the peer can be started. */
export function isBuilt(name) {
  const [program] = languages[name].command;
  const result = {
    node: program,
    java: inFolder("java", "target", "peer.jar"),
    java27: inFolder("java27", "target", "peer.jar"),
    go: inFolder("go", "target", "peer"),
  };
  return existsSync(result[name]);
}
