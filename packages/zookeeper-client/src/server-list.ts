import type { ServerAddress } from "./environment.js";
import { ZooKeeperError } from "./errors.js";

/** Where the servers are, and below which node the client lives. */
export interface ConnectString {
  readonly servers: readonly ServerAddress[];
  /** `/a/b`, or empty. */
  readonly chroot: string;
}

/**
 * Reads `h1:2181,[::1]:2182,h3/chroot`; port 2181 where none is given.
 * @throws {ZooKeeperError} ADDRESS_INVALID.
 */
export function parseConnectString(text: string): ConnectString {
  const slash = text.indexOf("/");
  const hosts = (slash < 0 ? text : text.slice(0, slash)).split(",").map((one) => one.trim());
  const chroot = slash < 0 ? "" : text.slice(slash).replace(/\/+$/, "");
  if (chroot !== "") assertPath(chroot);
  const servers = hosts.filter((one) => one !== "").map(parseServer);
  if (servers.length === 0)
    throw new ZooKeeperError("ADDRESS_INVALID", `no server in ${JSON.stringify(text)}`);
  return { servers, chroot };
}

function parseServer(text: string): ServerAddress {
  const match = /^(?:\[([0-9a-fA-F:.%\w]+)\]|([^:[\]@\s]+))(?::(\d+))?$/.exec(text);
  const host = match?.[1] ?? match?.[2];
  const port = Number(match?.[3] ?? 2181);
  if (host === undefined || port < 1 || port > 65_535)
    // The text may hold a password before an @: say only what comes after it.
    throw new ZooKeeperError(
      "ADDRESS_INVALID",
      `${JSON.stringify(text.replace(/^.*@/, "…@"))} is no host:port`,
    );
  return { host, port };
}

/** @throws {ZooKeeperError} BAD_ARGUMENTS: not `/a/b` with parts that are not empty, `.` or `..`. */
export function assertPath(path: string): void {
  if (path === "/") return;
  const [before, ...parts] = path.split("/");
  if (
    before !== "" ||
    parts.length === 0 ||
    parts.some((part) => ["", ".", ".."].includes(part)) ||
    path.includes("\0")
  )
    throw new ZooKeeperError("BAD_ARGUMENTS", "no path of a node", path);
}

/** `host:port`, an IPv6 host in brackets. */
export function addressText({ host, port }: ServerAddress): string {
  return `${host.includes(":") ? `[${host}]` : host}:${port}`;
}

/** The same items in random order, so that clients spread over the servers. */
export function shuffled<T>(items: readonly T[], random: () => number): readonly T[] {
  const left = [...items];
  const result: T[] = [];
  while (left.length > 0) result.push(...left.splice(Math.floor(random() * left.length), 1));
  return result;
}
