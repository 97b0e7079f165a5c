import { type Runtime, deadline, systemRuntime } from "@dubbo-ts/core";
import { registryError } from "./errors.js";
import { RedisFault } from "./fault.js";
import { Listening } from "./listening.js";
import { RedisClient } from "./redis-client.js";
import { type RedisOptions, redisSettings } from "./redis-settings.js";

/** One client and one subscription, for a metadata report and a config center to share. Disposing it ends both. */
export interface RedisConnection extends AsyncDisposable {
  /** `redis://h1:6379,h2:6379`, without secrets. */
  readonly name: string;
  /** @internal */
  readonly client: RedisClient;
  /** @internal */
  readonly listening: Listening;
}

/**
 * Opens a {@link RedisConnection}.
 * @throws {ConfigError} ADDRESS_INVALID.
 * @throws {RegistryError} with `waitForServerMs`: REGISTRY_UNAVAILABLE, REGISTRY_WRONG_SERVER, REGISTRY_AUTH_FAILED,
 *   REGISTRY_REFUSED.
 */
export async function redisConnection(
  options: RedisOptions,
  runtime: Runtime = systemRuntime,
): Promise<RedisConnection> {
  const settings = await redisSettings(options);
  const client = new RedisClient(settings, runtime);
  const listening = new Listening(client);
  const connection: RedisConnection = {
    name: settings.name,
    client,
    listening,
    async [Symbol.asyncDispose]() {
      await client[Symbol.asyncDispose]();
      await listening[Symbol.asyncDispose]();
    },
  };
  const { waitForServerMs = 0 } = options;
  if (waitForServerMs > 0) await waitForServer(connection, waitForServerMs);
  return connection;
}

async function waitForServer(connection: RedisConnection, waitMs: number): Promise<void> {
  const { client, name } = connection;
  let last: RedisFault | undefined;
  const late = () =>
    new RedisFault("lost", `no answer within ${waitMs} ms${last ? `: ${last.message}` : ""}`);
  using limit = deadline(client.runtime.clock, waitMs, late);
  for (;;) {
    try {
      await client.call("", ["ping"], limit.signal);
      return;
    } catch (error) {
      if (error instanceof RedisFault && error.kind === "denied") return; // logged in, and may not PING
      const passes = error instanceof RedisFault && error.isTransient && !limit.signal.aborted;
      if (passes) last = error;
      if (passes) continue;
      await connection[Symbol.asyncDispose]();
      throw registryError(name, error);
    }
  }
}
