/** What a reader takes before it gives up with an RpcError DECODE_FAILED. */
export interface HessianLimits {
  /** How deep lists, maps and objects may be nested. Default 200. */
  readonly maxDepth?: number;
  /**
   * How many lists, maps, objects and entries of maps one stream may have: each takes one or two bytes on the wire,
   * but up to some hundred in memory. Other values are bounded by the bytes. Default 1,000,000.
   */
  readonly maxElements?: number;
}

/** The limits that hold where none is given. */
export const defaultLimits: Required<HessianLimits> = { maxDepth: 200, maxElements: 1_000_000 };
