import type { CreateOptions, ZooKeeperClient } from "./client.js";
import { isZooKeeperError } from "./errors.js";
import type { CallOptions } from "./session.js";

const nothing = Buffer.alloc(0);

/** `/a` of `/a/b`, `/` of `/a`. */
export function parentOf(path: string): string {
  return path.slice(0, Math.max(1, path.lastIndexOf("/")));
}

/**
 * Makes `path` and what is missing above it, without data. One step when it is there already.
 * @param mode `container` falls back to `persistent` on servers before 3.5.1.
 */
export async function ensurePath(
  client: ZooKeeperClient,
  path: string,
  mode: "persistent" | "container",
  options: CallOptions = {},
): Promise<void> {
  if (path === "/") return client.createChroot(options);
  for (;;) {
    try {
      await createOrFallBack(client, path, mode, options);
      return;
    } catch (error) {
      if (isZooKeeperError(error, "NODE_EXISTS")) return;
      // A container may vanish between the two steps; the caller's deadline ends what goes on for ever.
      if (!isZooKeeperError(error, "NO_NODE")) throw error;
      await ensurePath(client, parentOf(path), mode, options);
    }
  }
}

async function createOrFallBack(
  client: ZooKeeperClient,
  path: string,
  mode: "persistent" | "container",
  options: CreateOptions,
): Promise<void> {
  try {
    await client.create(path, nothing, { ...options, mode });
  } catch (error) {
    if (mode !== "container" || !isZooKeeperError(error, "UNIMPLEMENTED", "BAD_ARGUMENTS")) throw error;
    await client.create(path, nothing, options);
  }
}
