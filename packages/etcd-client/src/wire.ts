import protobuf from "protobufjs";

/**
 * The part of etcd's `rpc.proto`, `kv.proto` and `auth.proto` that this client speaks: names and numbers as in
 * etcd-io/etcd api/etcdserverpb/rpc.proto, the same from 3.0 on but for what is marked.
 */
const proto = `
syntax = "proto3";
package etcdserverpb;

message ResponseHeader { uint64 cluster_id = 1; uint64 member_id = 2; int64 revision = 3; uint64 raft_term = 4; }
message KeyValue {
  bytes key = 1; int64 create_revision = 2; int64 mod_revision = 3; int64 version = 4; bytes value = 5; int64 lease = 6;
}
message Event { int32 type = 1; KeyValue kv = 2; }

message RangeRequest {
  bytes key = 1; bytes range_end = 2; int64 limit = 3; int64 revision = 4;
  bool serializable = 7; bool keys_only = 8; bool count_only = 9;
}
message RangeResponse { ResponseHeader header = 1; repeated KeyValue kvs = 2; bool more = 3; int64 count = 4; }
message PutRequest { bytes key = 1; bytes value = 2; int64 lease = 3; }
message PutResponse { ResponseHeader header = 1; }
message DeleteRangeRequest { bytes key = 1; bytes range_end = 2; }
message DeleteRangeResponse { ResponseHeader header = 1; int64 deleted = 2; }
message RequestOp {
  oneof request {
    RangeRequest request_range = 1; PutRequest request_put = 2; DeleteRangeRequest request_delete_range = 3;
  }
}
message ResponseOp {
  oneof response {
    RangeResponse response_range = 1; PutResponse response_put = 2; DeleteRangeResponse response_delete_range = 3;
  }
}
// result: 0 equal, 1 greater, 2 less, 3 not equal; target: 0 version, 1 create, 2 mod, 3 value, 4 lease (from 3.3 on)
message Compare {
  int32 result = 1; int32 target = 2; bytes key = 3;
  oneof target_union { int64 version = 4; int64 create_revision = 5; int64 mod_revision = 6; bytes value = 7; int64 lease = 8; }
}
message TxnRequest { repeated Compare compare = 1; repeated RequestOp success = 2; repeated RequestOp failure = 3; }
message TxnResponse { ResponseHeader header = 1; bool succeeded = 2; repeated ResponseOp responses = 3; }
message CompactionRequest { int64 revision = 1; bool physical = 2; }
message CompactionResponse { ResponseHeader header = 1; }

message WatchRequest {
  oneof request_union { WatchCreateRequest create_request = 1; WatchCancelRequest cancel_request = 2; }
}
message WatchCreateRequest {
  bytes key = 1; bytes range_end = 2; int64 start_revision = 3; bool progress_notify = 4;
  bool fragment = 8; // from 3.4 on; an older server ignores it
}
message WatchCancelRequest { int64 watch_id = 1; }
message WatchResponse {
  ResponseHeader header = 1; int64 watch_id = 2; bool created = 3; bool canceled = 4; int64 compact_revision = 5;
  string cancel_reason = 6; bool fragment = 7; repeated Event events = 11;
}

message LeaseGrantRequest { int64 TTL = 1; int64 ID = 2; }
message LeaseGrantResponse { ResponseHeader header = 1; int64 ID = 2; int64 TTL = 3; string error = 4; }
message LeaseRevokeRequest { int64 ID = 1; }
message LeaseRevokeResponse { ResponseHeader header = 1; }
message LeaseKeepAliveRequest { int64 ID = 1; }
message LeaseKeepAliveResponse { ResponseHeader header = 1; int64 ID = 2; int64 TTL = 3; }
message LeaseTimeToLiveRequest { int64 ID = 1; bool keys = 2; }
message LeaseTimeToLiveResponse {
  ResponseHeader header = 1; int64 ID = 2; int64 TTL = 3; int64 grantedTTL = 4; repeated bytes keys = 5;
}

message AuthenticateRequest { string name = 1; string password = 2; }
message AuthenticateResponse { ResponseHeader header = 1; string token = 2; }
message StatusRequest {}
message StatusResponse { ResponseHeader header = 1; string version = 2; int64 dbSize = 3; uint64 leader = 4; }
`;

const root = protobuf.parse(proto).root;

/** What every answer begins with. */
interface ResponseHeader {
  readonly clusterId: bigint;
  readonly memberId: bigint;
  /** Of the whole store, when it answered. */
  readonly revision: bigint;
  readonly raftTerm: bigint;
}

/** An answer; each has a header. */
export interface Answer {
  readonly header: ResponseHeader;
}

/** A key as it travels. */
export interface WireKeyValue {
  readonly key: Buffer;
  readonly createRevision: bigint;
  readonly modRevision: bigint;
  readonly version: bigint;
  readonly value: Buffer;
  readonly lease: bigint;
}

/** Keys from `key` on, below `rangeEnd`; without `rangeEnd` that key alone. */
export interface WireRange {
  readonly key: Buffer;
  readonly rangeEnd?: Buffer;
}

/** `RangeRequest`. */
export interface WireRangeRequest extends WireRange {
  readonly limit?: bigint;
  readonly revision?: bigint;
  readonly keysOnly?: boolean;
  readonly countOnly?: boolean;
}

/** `RangeResponse`. */
export interface WireRangeResponse extends Answer {
  readonly kvs: readonly WireKeyValue[];
  readonly more: boolean;
  readonly count: bigint;
}

/** `PutRequest`. */
export interface WirePutRequest {
  readonly key: Buffer;
  readonly value: Buffer;
  readonly lease?: bigint;
}

/** `DeleteRangeResponse`. */
export interface WireDeleteResponse extends Answer {
  readonly deleted: bigint;
}

/** One of the three. */
export interface WireRequestOp {
  readonly requestRange?: WireRangeRequest;
  readonly requestPut?: WirePutRequest;
  readonly requestDeleteRange?: WireRange;
}

/** One of the three. */
export interface WireResponseOp {
  readonly responseRange?: WireRangeResponse;
  readonly responsePut?: Answer;
  readonly responseDeleteRange?: WireDeleteResponse;
}

/** `Compare`. */
export interface WireCompare {
  readonly result: number;
  readonly target: number;
  readonly key: Buffer;
  readonly version?: bigint;
  readonly createRevision?: bigint;
  readonly modRevision?: bigint;
  readonly value?: Buffer;
  readonly lease?: bigint;
}

/** `TxnRequest`. */
export interface WireTxnRequest {
  readonly compare: readonly WireCompare[];
  readonly success: readonly WireRequestOp[];
  readonly failure: readonly WireRequestOp[];
}

/** `TxnResponse`. */
export interface WireTxnResponse extends Answer {
  readonly succeeded: boolean;
  readonly responses: readonly WireResponseOp[];
}

/** One of the two. */
export interface WireWatchRequest {
  readonly createRequest?: WireRange & {
    readonly startRevision: bigint;
    readonly progressNotify: boolean;
    readonly fragment: boolean;
  };
  readonly cancelRequest?: { readonly watchId: bigint };
}

/** `mvccpb.Event`. */
export interface WireEvent {
  /** 0 put, 1 delete. */
  readonly type: number;
  /** Of a deletion: key and mod revision alone. */
  readonly kv: WireKeyValue;
}

/** `WatchResponse`. */
export interface WireWatchResponse extends Answer {
  readonly watchId: bigint;
  readonly created: boolean;
  readonly canceled: boolean;
  readonly compactRevision: bigint;
  readonly cancelReason: string;
  /** True: the rest of these events follows in the next response. */
  readonly fragment: boolean;
  readonly events: readonly WireEvent[];
}

/** `LeaseGrantResponse` and `LeaseKeepAliveResponse`. */
export interface WireLease extends Answer {
  readonly ID: bigint;
  readonly TTL: bigint;
}

/** A method of the server, with what turns its messages into bytes and back. */
export interface Method<Request, Response> {
  readonly path: string;
  readonly encode: (request: Request) => Buffer;
  /** Throws when the bytes are no such message. */
  readonly decode: (bytes: Buffer) => Response;
  /** The part that every etcd puts into this answer, and this one does not have; undefined: it is whole. */
  readonly lacks: (response: Response) => string | undefined;
}

/** What a message may lack, whatever its type says: any message within it. */
type Incomplete<T> = { readonly [K in keyof T]: T[K] | null | undefined };

/** All of etcd's answers have a header (`v3rpc/header.go`), also through its gRPC proxy. */
function lacksHeader({ header }: Incomplete<Answer>): string | undefined {
  return header ? undefined : "header";
}

/** The gRPC proxy leaves the header out where it refuses a watch (etcd `grpcproxy/watch.go`). */
function lacksOfWatch(response: WireWatchResponse): string | undefined {
  const isWhole = ({ kv }: Incomplete<WireEvent>) => Boolean(kv);
  if (!response.events.every(isWhole)) return "key in an event";
  return response.canceled ? undefined : lacksHeader(response);
}

/** Revisions and leases are 64 bits wide: bigint, never number. Absent fields have their defaults, absent messages are null. */
function method<Request extends object, Response extends Answer>(
  service: string,
  name: string,
  request: string,
  response: string,
  lacks: (answer: Response) => string | undefined = lacksHeader,
): Method<Request, Response> {
  const [requests, responses] = [root.lookupType(request), root.lookupType(response)];
  return {
    path: `/etcdserverpb.${service}/${name}`,
    encode: (message) => Buffer.from(requests.encode(requests.fromObject(message)).finish()),
    decode: (bytes) =>
      responses.toObject(responses.decode(bytes), {
        longs: BigInt,
        defaults: true,
        arrays: true,
      }) as unknown as Response,
    lacks,
  };
}

/** What this client asks for. */
export const methods = {
  range: method<WireRangeRequest, WireRangeResponse>("KV", "Range", "RangeRequest", "RangeResponse"),
  put: method<WirePutRequest, Answer>("KV", "Put", "PutRequest", "PutResponse"),
  deleteRange: method<WireRange, WireDeleteResponse>(
    "KV",
    "DeleteRange",
    "DeleteRangeRequest",
    "DeleteRangeResponse",
  ),
  txn: method<WireTxnRequest, WireTxnResponse>("KV", "Txn", "TxnRequest", "TxnResponse"),
  compact: method<{ readonly revision: bigint; readonly physical: boolean }, Answer>(
    "KV",
    "Compact",
    "CompactionRequest",
    "CompactionResponse",
  ),
  watch: method<WireWatchRequest, WireWatchResponse>(
    "Watch",
    "Watch",
    "WatchRequest",
    "WatchResponse",
    lacksOfWatch,
  ),
  leaseGrant: method<{ readonly TTL: bigint }, WireLease>(
    "Lease",
    "LeaseGrant",
    "LeaseGrantRequest",
    "LeaseGrantResponse",
  ),
  leaseRevoke: method<{ readonly ID: bigint }, Answer>(
    "Lease",
    "LeaseRevoke",
    "LeaseRevokeRequest",
    "LeaseRevokeResponse",
  ),
  leaseKeepAlive: method<{ readonly ID: bigint }, WireLease>(
    "Lease",
    "LeaseKeepAlive",
    "LeaseKeepAliveRequest",
    "LeaseKeepAliveResponse",
  ),
  leaseTimeToLive: method<
    { readonly ID: bigint; readonly keys: boolean },
    WireLease & { readonly grantedTTL: bigint; readonly keys: readonly Buffer[] }
  >("Lease", "LeaseTimeToLive", "LeaseTimeToLiveRequest", "LeaseTimeToLiveResponse"),
  authenticate: method<
    { readonly name: string; readonly password: string },
    Answer & { readonly token: string }
  >("Auth", "Authenticate", "AuthenticateRequest", "AuthenticateResponse"),
  status: method<
    object,
    Answer & { readonly version: string; readonly leader: bigint; readonly dbSize: bigint }
  >("Maintenance", "Status", "StatusRequest", "StatusResponse"),
} as const;
