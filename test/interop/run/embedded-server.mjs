import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { freePort, ServerProcess, started } from "@dubbo-ts/testkit";

const bin = fileURLToPath(new URL("../../../packages/dubbo-ts/dist/bin.js", import.meta.url));
const grpcOffset = 1_000;

/** Whether the packages are built. */
export const embeddedAvailable = () => existsSync(bin);

/** The embedded registry as a process of its own: `dubbo-ts registry`. */
export async function startEmbedded() {
  return started(new EmbeddedServer({ name: "embedded registry", port: await freePort([grpcOffset]) }));
}

class EmbeddedServer extends ServerProcess {
  command() {
    return { program: process.execPath, arguments: [bin, "registry", "--port", String(this.port)] };
  }

  async isReady() {
    const { ok } = await fetch(`http://${this.address}/nacos/v2/console/health/readiness`);
    return ok;
  }
}
