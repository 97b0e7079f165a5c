import type { Cluster } from "../cluster.js";
import { broadcast } from "./broadcast.js";
import { failfast } from "./failfast.js";
import { failover } from "./failover.js";
import { failsafe } from "./failsafe.js";

/** Clusters by the names that configurations use (`cluster`). The default is `failover`. */
export const clusters: Readonly<Record<string, Cluster>> = Object.freeze({
  failover,
  failfast,
  failsafe,
  broadcast,
});
