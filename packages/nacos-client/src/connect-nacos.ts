import { type NacosConfig, nacosConfig } from "./nacos-config.js";
import { type NacosNaming, nacosNaming } from "./nacos-naming.js";
import type { NacosOptions } from "./options.js";

/** Both clients: to the server they are two, each with a connection of its own. */
export interface Nacos extends AsyncDisposable {
  readonly naming: NacosNaming;
  readonly config: NacosConfig;
  /** Closes both. */
  close(): Promise<void>;
}

/**
 * Opens both clients and waits until they are connected.
 * @throws {NacosError} INVALID; UNAVAILABLE after `waitForServerMs`; NOT_NACOS. @throws `signal.reason` when that aborts.
 */
export async function connectNacos(
  options: NacosOptions,
  signal: AbortSignal = new AbortController().signal,
): Promise<Nacos> {
  const naming = nacosNaming(options);
  const config = nacosConfig(options);
  const close = async () => void (await Promise.all([naming.close(), config.close()]));
  try {
    await Promise.all([naming.ready(signal), config.ready(signal)]);
  } catch (error) {
    await close();
    throw error;
  }
  return { naming, config, close, [Symbol.asyncDispose]: close };
}
