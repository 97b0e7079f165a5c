export type { CommandIo } from "./command-io.js";
export { runCommand } from "./run-command.js";
export type { CommandTools, Dialer } from "./tools.js";
