import type { CommandIo } from "./command-io.js";

/** Colours for a terminal; each function gives its text unchanged where there shall be none. */
export interface Paint {
  bold(text: string): string;
  dim(text: string): string;
  red(text: string): string;
  green(text: string): string;
  yellow(text: string): string;
}

/** Colours only on a terminal that has them, and not where `NO_COLOR` is set to anything (no-color.org). */
export function paintFor({ isTerminal = false, env = {} }: CommandIo): Paint {
  const noColor = env["NO_COLOR"];
  const colourful = isTerminal && (noColor === undefined || noColor === "") && env["TERM"] !== "dumb";
  const style = (on: number, off: number) => (text: string) =>
    colourful ? `\u001b[${on}m${text}\u001b[${off}m` : text;
  return {
    bold: style(1, 22),
    dim: style(2, 22),
    red: style(31, 39),
    green: style(32, 39),
    yellow: style(33, 39),
  };
}
