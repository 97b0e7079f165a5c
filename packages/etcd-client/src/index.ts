// For users
export {
  connectEtcd,
  EtcdClient,
  type EtcdOptions,
  type Lease,
  type LeaseInfo,
  type ListOptions,
  openEtcd,
} from "./client.js";
export type { Clock, Environment, Logger, Timer } from "./environment.js";
export { EtcdError, type EtcdErrorCode, isEtcdError } from "./errors.js";
export { KeptLease } from "./kept-lease.js";
export type { KeyRange, KeyValue } from "./key-value.js";
export { LeasedKey, type LeasedKeyOptions } from "./leased-key.js";
export type { EtcdTls } from "./link.js";
export type { CallOptions, ConnectionEvent, EtcdCredentials } from "./session.js";
export type { Compare, Operation, OperationResult, Txn, TxnResult } from "./txn.js";
export { type Snapshot, watchKeys, type WatchOptions } from "./watch-keys.js";
// For authors of adapters
export type { WatchHandler } from "./watch-stream.js";
