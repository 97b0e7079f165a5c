import { once } from "node:events";
import { type Command, InvalidArgumentError } from "commander";
import type { CommandContext } from "../command-context.js";
import type { CommandIo } from "../command-io.js";

/** `dubbo-ts registry`. */
export function addRegistry(program: Command, { io }: CommandContext): void {
  program
    .command("registry")
    .description("run the embedded development registry until SIGTERM; it speaks the Nacos gRPC protocol")
    .option("--port <port>", "base port; gRPC listens 1000 above it, where Nacos clients look", portOf, 8848)
    .option("--data <file>", "keep configurations in this file")
    .addHelpText(
      "after",
      "\nExamples:\n  dubbo-ts registry\n  dubbo-ts registry --port 18848 --data ./registry.json",
    )
    .action((options: { port: number; data?: string }) => serveRegistry(options, io));
}

async function serveRegistry({ port, data }: { port: number; data?: string }, io: CommandIo): Promise<void> {
  const { startNacosServer } = await import("@dubbo-ts/registry-local");
  await using server = await startNacosServer({ port, ...(data !== undefined && { dataFile: data }) });
  io.out(`embedded registry listening on 127.0.0.1:${server.port} (gRPC ${server.port + 1_000})`);
  io.out("for development only: use Nacos, ZooKeeper or etcd where programs must not lose each other");
  if (!io.signal.aborted) await once(io.signal, "abort");
}

function portOf(text: string): number {
  const port = Number(text);
  if (!Number.isInteger(port) || port < 1 || port > 64_535)
    throw new InvalidArgumentError("a port between 1 and 64535 is wanted: gRPC needs the one 1000 above it");
  return port;
}
