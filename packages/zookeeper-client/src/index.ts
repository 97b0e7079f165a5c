// For users
export {
  connectZooKeeper,
  type CreateOptions,
  openZooKeeper,
  type ReadOptions,
  ZooKeeperClient,
  type ZooKeeperOptions,
} from "./client.js";
export { ensurePath } from "./ensure-path.js";
export type { Clock, Environment, Logger, ServerAddress, Timer } from "./environment.js";
export { EphemeralNode, type EphemeralNodeOptions, holdEphemeral } from "./ephemeral-node.js";
export { isZooKeeperError, ZooKeeperError, type ZooKeeperErrorCode } from "./errors.js";
export type { MultiResult, Operation } from "./multi.js";
export { type Acl, creatorAcl, type NodeEvent, openAcl, type Stat } from "./records.js";
export { type ConnectString, parseConnectString } from "./server-list.js";
export type { CallOptions, SessionEvent } from "./session.js";
export type { Watcher } from "./watch-table.js";
export {
  type Children,
  type NodeData,
  readChildren,
  readData,
  watchChildren,
  watchData,
  watchStats,
} from "./watch-node.js";
// For authors of adapters
export type { AlarmOptions, Pass } from "./alarm.js";
export { Floor } from "./floor.js";
export { KnownStrings } from "./known-strings.js";
export { type Followed, follow, type FollowOptions } from "./follow.js";
