import { Command, CommanderError } from "commander";
import { commandContext } from "./command-context.js";
import type { CommandIo } from "./command-io.js";
import { addApps } from "./commands/apps.js";
import { addCall } from "./commands/call.js";
import { addCompletion } from "./commands/completion.js";
import { addConfig } from "./commands/config.js";
import { addDoctor } from "./commands/doctor.js";
import { addInstances } from "./commands/instances.js";
import { addMapping } from "./commands/mapping.js";
import { addMetadata } from "./commands/metadata.js";
import { addRegistry } from "./commands/registry.js";
import { exitCodeOf, exitCodes } from "./exit-codes.js";
import { linesOf, messageOf } from "./text.js";
import type { CommandTools } from "./tools.js";

/**
 * Runs `dubbo-ts` with `args`, those after the program's name.
 *
 * @param version what `--version` prints.
 * @returns the exit code: 0 done, 1 failed, 2 wrong use, 3 not found, 4 the method that was called threw.
 */
export async function runCommand(
  args: readonly string[],
  io: CommandIo,
  version: string,
  tools: CommandTools,
): Promise<number> {
  let exitCode: number = exitCodes.ok;
  const program = programOf(io, version);
  const context = commandContext(io, tools);
  addApps(program, context);
  addInstances(program, context);
  addMapping(program, context);
  addMetadata(program, context);
  addCall(program, context);
  addDoctor(program, context, (code) => (exitCode = code));
  addConfig(program, context);
  addRegistry(program, context);
  addCompletion(program, context);
  try {
    await program.parseAsync([...args], { from: "user" });
    return exitCode;
  } catch (error) {
    if (!(error instanceof CommanderError)) tell(error, io); // those of the parser are printed by it
    return exitCodeOf(error);
  }
}

// Positional options: `--version` after a command is that of a service.
function programOf(io: CommandIo, version: string): Command {
  return new Command("dubbo-ts")
    .description("Apache Dubbo 3 for Node.js: look into registries, call services, find out why a call fails")
    .version(version)
    .enablePositionalOptions()
    .exitOverride()
    .configureOutput({
      writeOut: (text) => io.out(text.trimEnd()),
      writeErr: (text) => io.err(text.trimEnd()),
      getOutHasColors: () => false,
      getErrHasColors: () => false,
    })
    .addHelpText(
      "after",
      "\nExit codes: 0 done, 1 failed, 2 wrong use, 3 not found, 4 the called method threw.",
    );
}

function tell(error: unknown, io: CommandIo): void {
  if (io.signal.aborted) return io.err("interrupted");
  for (const line of linesOf(textOf(error))) io.err(line);
}

/** An exception of the method by its class; what the framework says by its code. */
function textOf(error: unknown): string {
  const { code, className, detail } = (error ?? {}) as { code?: string; className?: string; detail?: string };
  if (className !== undefined) return `${className}: ${detail ?? "(no message)"}`;
  return code === undefined ? messageOf(error) : `${code}: ${messageOf(error)}`;
}
