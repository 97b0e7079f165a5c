import type { RedisClient } from "./redis-client.js";

/**
 * Writes metadata under `key` where it is missing or blank: what a revision stands for never changes. It expires as configured,
 * or not at all; of several processes that publish the same, the one that wants it longest decides.
 * @throws {RedisFault}, or the reason of `signal`.
 */
export async function putMetadata(
  client: RedisClient,
  key: string,
  text: string,
  signal: AbortSignal,
): Promise<void> {
  const { expiryMs } = client.settings;
  const found = await client.call(key, ["get", key], signal);
  if (typeof found !== "string" || found.trim() === "") {
    const expiry = expiryMs === undefined ? [] : ["PX", expiryMs];
    await client.call(key, ["set", key, text, ...expiry], signal);
  } else if (expiryMs === undefined) {
    await client.call(key, ["persist", key], signal);
  } else {
    const leftMs = await client.call(key, ["pttl", key], signal);
    const expires = typeof leftMs === "number" && leftMs >= 0;
    if (expires && leftMs < expiryMs) await client.call(key, ["pexpire", key, expiryMs], signal);
  }
}
