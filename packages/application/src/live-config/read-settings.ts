import type { Config } from "@dubbo-ts/config";
import { DisposalScope, type Runtime, systemRuntime } from "@dubbo-ts/core";
import type { RegistryFactory } from "../extensions.js";
import { policiesWith } from "../reference-settings.js";
import { openSettings } from "./open-settings.js";

/** What {@link readSettings} needs. */
export interface ReadSettingsOptions {
  /** From `loadConfig`. */
  readonly config: Config;
  /** By the scheme of URLs. */
  readonly registries: Readonly<Record<string, RegistryFactory>>;
  /** A registry URL that takes the place of the configured ones. */
  readonly registry?: string | undefined;
  /** Its log is told which settings were refused. */
  readonly runtime?: Runtime | undefined;
}

/**
 * The configuration that an application would start with: with what its config centers say at present. Nothing stays
 * open.
 *
 * @throws as {@link createApplication}, before it opens protocols.
 */
export async function readSettings({
  config,
  registries,
  registry,
  runtime = systemRuntime,
}: ReadSettingsOptions): Promise<Config> {
  const scope = new DisposalScope();
  try {
    const options = { config, registry, factories: registries, policies: policiesWith({}), runtime };
    const { live } = await openSettings(options, scope);
    return live.state.config;
  } finally {
    await scope[Symbol.asyncDispose]();
  }
}
