import { once } from "node:events";
import { DubboError } from "@dubbo-ts/core";
import { Command, CommanderError, InvalidArgumentError } from "commander";

/** Where the command reads and writes: the process's own, or a test's. */
export interface CommandIo {
  out(line: string): void;
  err(line: string): void;
  /** Aborts when the program shall end: on SIGTERM and SIGINT. */
  readonly signal: AbortSignal;
}

/** Exit codes: 0 done, 1 failed, 2 wrong use. */
export async function runCommand(args: readonly string[], io: CommandIo, version: string): Promise<number> {
  const program = new Command("dubbo-ts")
    .description("Apache Dubbo 3 for Node.js")
    .version(version)
    .exitOverride()
    .configureOutput({
      writeOut: (text) => io.out(text.trimEnd()),
      writeErr: (text) => io.err(text.trimEnd()),
    });
  program
    .command("registry")
    .description("run the embedded development registry until SIGTERM; it speaks the Nacos gRPC protocol")
    .option("--port <port>", "base port; gRPC listens 1000 above it, where Nacos clients look", portOf, 8848)
    .option("--data <file>", "keep configurations in this file")
    .action((options: { port: number; data?: string }) => serveRegistry(options, io));
  try {
    await program.parseAsync([...args], { from: "user" });
    return 0;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
    io.err(error instanceof DubboError ? `${error.code}: ${error.message}` : String(error));
    return 1;
  }
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
