import { Argument, type Command } from "commander";
import type { CommandContext } from "../command-context.js";
import { completionScript, type Shell, shells } from "../completion.js";

/** `dubbo-ts completion <shell>`. */
export function addCompletion(program: Command, { io }: CommandContext): void {
  program
    .command("completion")
    .addArgument(new Argument("<shell>", "the shell that shall complete").choices(shells))
    .description("print a script that makes a shell complete commands and options")
    .addHelpText(
      "after",
      "\nExamples:\n  source <(dubbo-ts completion bash)\n  source <(dubbo-ts completion zsh)\n  dubbo-ts completion fish > ~/.config/fish/completions/dubbo-ts.fish",
    )
    .action((shell: Shell) => io.out(completionScript(program, shell)));
}
