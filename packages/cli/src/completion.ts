import type { Command } from "commander";

/** Shells that a script can be made for. */
export const shells = ["bash", "zsh", "fish"] as const;

/** One of {@link shells}. */
export type Shell = (typeof shells)[number];

/** What can be completed: the commands of a program with their options. */
interface Words {
  readonly name: string;
  readonly description: string;
  /** What may follow in the first place: subcommands, shells. */
  readonly words: readonly string[];
  readonly options: readonly { readonly flag: string; readonly description: string }[];
}

/** A script that completes the commands and options of `program`; it asks nobody and stays valid until an update. */
export function completionScript(program: Command, shell: Shell): string {
  const commands = program.commands.map(wordsOf);
  const make = { bash: bashScript, zsh: zshScript, fish: fishScript }[shell];
  return make(program.name(), commands);
}

function wordsOf(command: Command): Words {
  const help = { flag: "--help", description: "display help" };
  return {
    name: command.name(),
    description: plain(command.description()),
    words: command.name() === "completion" ? shells : command.commands.map((one) => one.name()),
    options: [...optionsOf(command), help],
  };
}

/** Its own, and those of its subcommands; each once. */
function optionsOf(command: Command): Words["options"] {
  const own = [command, ...command.commands].flatMap(({ options }) => options);
  const byFlag = new Map(own.map(({ long, description }) => [long ?? "", plain(description)]));
  return [...byFlag].filter(([flag]) => flag !== "").map(([flag, description]) => ({ flag, description }));
}

/** Without what a shell would read as its own. */
function plain(text: string): string {
  return text.replace(/['"`$\\[\]:]/g, "");
}

const flagsOf = ({ options }: Words) => options.map(({ flag }) => flag).join(" ");

function bashScript(name: string, commands: readonly Words[]): string {
  const functionName = `_${name.replace(/\W/g, "_")}`;
  return `# bash completion: source <(${name} completion bash)
${functionName}() {
  local current="\${COMP_WORDS[COMP_CWORD]}" words
  if [ "$COMP_CWORD" -eq 1 ]; then
    words="${commands.map((command) => command.name).join(" ")} --help --version"
  else
    case "\${COMP_WORDS[1]}" in
${commands.map((command) => `      ${command.name}) words="${[...command.words, flagsOf(command)].join(" ")}" ;;`).join("\n")}
    esac
  fi
  COMPREPLY=($(compgen -W "$words" -- "$current"))
}
complete -o default -F ${functionName} ${name}`;
}

function zshScript(name: string, commands: readonly Words[]): string {
  const functionName = `_${name.replace(/\W/g, "_")}`;
  const cases = commands.map((command) => {
    const flags = command.options.map(({ flag, description }) => `'${flag}[${description}]'`).join(" ");
    const words = command.words.length > 0 ? `'1:word:(${command.words.join(" ")})' ` : "";
    return `      ${command.name}) _arguments ${words}${flags} '*::argument:_default' ;;`;
  });
  return `#compdef ${name}
# zsh completion: source <(${name} completion zsh)
${functionName}() {
  local -a commands
  commands=(${commands.map((command) => `'${command.name}:${command.description}'`).join(" ")})
  if (( CURRENT == 2 )); then
    _describe 'command' commands
  else
    local command="\${words[2]}"
    shift words
    (( CURRENT-- ))
    case "$command" in
${cases.join("\n")}
    esac
  fi
}
compdef ${functionName} ${name}`;
}

function fishScript(name: string, commands: readonly Words[]): string {
  const lines = commands.flatMap((command) => [
    `complete -c ${name} -f -n __fish_use_subcommand -a ${command.name} -d '${command.description}'`,
    ...command.options.map(
      ({ flag, description }) =>
        `complete -c ${name} -n '__fish_seen_subcommand_from ${command.name}' -l ${flag.slice(2)} -d '${description}'`,
    ),
  ]);
  const words = commands
    .filter((command) => command.words.length > 0)
    .map(
      (command) =>
        `complete -c ${name} -f -n '__fish_seen_subcommand_from ${command.name}' -a '${command.words.join(" ")}'`,
    );
  return [`# fish completion: ${name} completion fish | source`, ...lines, ...words].join("\n");
}
