import { durationOfParameter, flagOfParameter } from "@dubbo-ts/core";
import {
  invalid,
  nodeText,
  type Params,
  parseRedisAddress,
  type RedisAddress,
  type RedisNode,
} from "./redis-address.js";
import { type RedisTls, tlsOf } from "./redis-tls.js";

/** Where Redis is and how it is used. Parameters of the address and fields of the same meaning: the fields win. */
export interface RedisOptions {
  /**
   * `redis://[user:password@]h1:6379[/database]?redis-client=…&backup=…&group=…&timeout=…`, `rediss://` for TLS, or the same as it was
   * read elsewhere.
   */
  readonly address: string | RedisAddress;
  /** Moves the mapping from `dubbo:mapping` to `{group}:mapping`; metadata stay, as in Java. Parameter `group`. */
  readonly group?: string | undefined;
  /** Moves settings from `/dubbo/config` to `/{namespace}/config`. Parameter `namespace`. Default: the group. */
  readonly namespace?: string | undefined;
  /** How long a single call may take, connecting and repeating included. Parameter `timeout`. Default 3000 ms. */
  readonly callTimeoutMs?: number | undefined;
  /** A connection without a sign of life for so long is given up. Default 2500 ms. */
  readonly livenessMs?: number | undefined;
  /** Everything that is watched is read again after so long, at random half as long again. Default 60,000 ms. */
  readonly resyncMs?: number | undefined;
  /**
   * Metadata are forgotten so long after the last process that published them has gone. Parameter `expiry`. Default:
   * never, as in Java.
   */
  readonly expiryMs?: number | undefined;
  /** Default: what the scheme and the parameters `tls`, `tlsCa`, `tlsCert`, `tlsKey` and `tlsServerName` ask for. */
  readonly tls?: RedisTls | undefined;
  /** Waits for the server when opening, and fails when it does not come. Default 0: connects in the background. */
  readonly waitForServerMs?: number | undefined;
}

/** Who logs in. */
export interface Credentials {
  readonly username: string | undefined;
  readonly password: string | undefined;
}

/** {@link RedisOptions}, read and checked. */
export interface RedisSettings {
  /** `redis://h1:6379,h2:6379`, without secrets. */
  readonly name: string;
  readonly mode: "mono" | "sentinel" | "cluster";
  /** The server; all Sentinels; some members of a cluster. */
  readonly nodes: readonly RedisNode[];
  /** What the Sentinels call the master. */
  readonly masterName: string;
  readonly credentials: Credentials;
  readonly sentinelCredentials: Credentials;
  readonly database: number;
  readonly tls: RedisTls | undefined;
  /** `dubbo:mapping` or `{group}:mapping`: the hash of all mappings. */
  readonly mappingKey: string;
  /** `/dubbo/config`, `/{group}/config` or `/{namespace}/config`. */
  readonly configRoot: string;
  readonly callTimeoutMs: number;
  readonly livenessMs: number;
  readonly resyncMs: number;
  readonly expiryMs: number | undefined;
}

/** @throws {ConfigError} ADDRESS_INVALID; the message has no user, password or parameters in it. */
export async function redisSettings(options: RedisOptions): Promise<RedisSettings> {
  const address = typeof options.address === "string" ? parseRedisAddress(options.address) : options.address;
  const { hosts, params = {}, username, password, scheme = "redis" } = address;
  const name = `${scheme}://${hosts.map(nodeText).join(",")}`;
  const mode = modeOf(params, name);
  if (hosts.length === 0) throw invalid(name, "names no host");
  if (mode === "mono" && hosts.length > 1)
    throw invalid(name, "several hosts need redis-client=sentinel or redis-client=cluster");
  const database = databaseOf(address, params, name);
  if (mode === "cluster" && database !== 0) throw invalid(name, "a cluster has database 0 only");
  const group = (options.group ?? params["group"]) || "dubbo";
  return {
    name,
    mode,
    nodes: hosts,
    masterName: params["master.name"] || "Sentinel-master",
    credentials: { username: username || undefined, password },
    sentinelCredentials: {
      username: params["sentinelUsername"] || undefined,
      password: params["sentinelPassword"] || undefined,
    },
    database,
    tls: options.tls ?? (await tlsOf(scheme, params)),
    mappingKey: `${group}:mapping`,
    configRoot: `/${(options.namespace || params["namespace"] || group).replace(/^\/+|\/+$/g, "")}/config`,
    callTimeoutMs: options.callTimeoutMs ?? durationOfParameter(name, params, "timeout") ?? 3_000,
    livenessMs: options.livenessMs ?? 2_500,
    resyncMs: options.resyncMs ?? 60_000,
    expiryMs: options.expiryMs ?? durationOfParameter(name, params, "expiry"),
  };
}

/** Java's registry says `redis-client=…`, its metadata report `cluster=true` (app-level discovery 7.3, 10). */
function modeOf(params: Params, name: string): RedisSettings["mode"] {
  const client = params["redis-client"];
  if (client === undefined || client === "")
    return flagOfParameter(name, params, "cluster") === true ? "cluster" : "mono";
  if (client === "mono" || client === "sentinel" || client === "cluster") return client;
  throw invalid(name, `redis-client=${JSON.stringify(client)} is none of mono, sentinel, cluster`);
}

/** Java's report says `database`, its registry `db.index`, Redis' own URLs have it as their path. */
function databaseOf({ path = "" }: RedisAddress, params: Params, name: string): number {
  const written = [params["database"], params["db.index"], path.replace(/^\//, "")];
  const texts = new Set(written.filter((text) => text !== undefined && text !== ""));
  const [text = "0"] = texts;
  if (texts.size > 1 || !/^\d{1,6}$/.test(text))
    throw invalid(name, `the database is a number, said once, not ${[...texts].join(" and ")}`);
  return Number(text);
}
