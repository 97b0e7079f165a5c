import type { Command } from "commander";
import type { CommandContext } from "../command-context.js";
import { addConfigExplain } from "./config-explain.js";
import { addConfigItem } from "./config-item.js";

/** `dubbo-ts config …`: what belongs to settings. */
export function addConfig(program: Command, context: CommandContext): void {
  const config = program
    .command("config")
    .description("settings: where they came from; read, write and follow them and rules in a config center")
    .addHelpText(
      "after",
      "\nExamples:\n  dubbo-ts config explain consumer.timeout\n  dubbo-ts config get dubbo.properties\n  dubbo-ts config watch demo-app.configurators --registry nacos://127.0.0.1:8848",
    );
  addConfigItem(config, context);
  addConfigExplain(config, context);
}
