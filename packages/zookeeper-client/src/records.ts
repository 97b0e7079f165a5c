import { JuteError, JuteReader, JuteWriter } from "./jute.js";

/** Operation numbers: `ZooDefs.OpCode` of apache/zookeeper. All but `createContainer` (3.5.1) are in 3.4 as well. */
export const opcodes = {
  create: 1,
  delete: 2,
  exists: 3,
  getData: 4,
  setData: 5,
  sync: 9,
  ping: 11,
  getChildren2: 12,
  check: 13,
  multi: 14,
  createContainer: 19,
  auth: 100,
  setWatches: 101,
  closeSession: -11,
} as const;

/** Frames that answer no numbered request carry one of these (registries B3). */
export const xids = { watchEvent: -1, ping: -2, auth: -4, setWatches: -8 } as const;

/** What the server knows of a node beside its data. Zxids count the server's transactions. */
export interface Stat {
  /** The transaction that created it. */
  readonly czxid: bigint;
  /** The transaction that last changed its data. */
  readonly mzxid: bigint;
  /** ms since 1970, by the server's clock. */
  readonly ctimeMs: number;
  readonly mtimeMs: number;
  /** Counts changes of the data. */
  readonly version: number;
  /** Counts changes of the children. */
  readonly cversion: number;
  readonly aversion: number;
  /** The session of an ephemeral node; 0n: it is none. */
  readonly ephemeralOwner: bigint;
  readonly dataLength: number;
  readonly childCount: number;
  /** The transaction that last changed its children. */
  readonly pzxid: bigint;
}

/** The record `Stat`, which stands behind most answers. */
export function readStat(reader: JuteReader): Stat {
  return {
    czxid: reader.long(),
    mzxid: reader.long(),
    ctimeMs: Number(reader.long()),
    mtimeMs: Number(reader.long()),
    version: reader.int(),
    cversion: reader.int(),
    aversion: reader.int(),
    ephemeralOwner: reader.long(),
    dataLength: reader.int(),
    childCount: reader.int(),
    pzxid: reader.long(),
  };
}

/** One line of an access control list: who may do what. */
export interface Acl {
  /** Bits: 1 read, 2 write, 4 create, 8 delete, 16 admin. */
  readonly permissions: number;
  readonly scheme: string;
  readonly id: string;
}

/** Everyone may do everything. */
export const openAcl: readonly Acl[] = [{ permissions: 31, scheme: "world", id: "anyone" }];

/** Whoever the creator has authenticated as may do everything, nobody else anything. */
export const creatorAcl: readonly Acl[] = [{ permissions: 31, scheme: "auth", id: "" }];

/** A vector of the record `ACL`. */
export function writeAcl(writer: JuteWriter, acl: readonly Acl[]): void {
  writer.vector(acl, (one) => writer.int(one.permissions).string(one.scheme).string(one.id));
}

/** The first message on a connection. */
export interface ConnectRequest {
  readonly lastZxid: bigint;
  readonly timeoutMs: number;
  /** 0n: a new session. */
  readonly sessionId: bigint;
  readonly password: Uint8Array;
  readonly readOnly: boolean;
}

/** The first frame of a connection: a new session, or the one that is gone on with. */
export function encodeConnectRequest(request: ConnectRequest): Buffer {
  return new JuteWriter()
    .int(0)
    .long(request.lastZxid)
    .int(request.timeoutMs)
    .long(request.sessionId)
    .buffer(request.password)
    .bool(request.readOnly)
    .finish();
}

/** The server's answer to a {@link ConnectRequest}. */
export interface ConnectResponse {
  /** What was negotiated; 0 or less: the session asked for has expired. */
  readonly timeoutMs: number;
  readonly sessionId: bigint;
  readonly password: Buffer;
}

/** @throws {JuteError} no server of ZooKeeper answers so. */
export function decodeConnectResponse(bytes: Buffer): ConnectResponse {
  const reader = new JuteReader(bytes);
  const version = reader.int();
  const response = { timeoutMs: reader.int(), sessionId: reader.long(), password: reader.buffer() };
  // Servers before 3.4 leave out the last field, whether they only read.
  if (version !== 0 || reader.remaining > 1 || response.password.length > 64)
    throw new JuteError("no answer to a connect request");
  return { ...response, password: Buffer.from(response.password) };
}

/** The head of every later frame from the server. */
export interface ReplyHeader {
  readonly xid: number;
  readonly zxid: bigint;
  readonly error: number;
}

/** What every answer begins with. */
export function readReplyHeader(reader: JuteReader): ReplyHeader {
  return { xid: reader.int(), zxid: reader.long(), error: reader.int() };
}

/** What happened to a node that was watched. */
export interface NodeEvent {
  /** `unknown`: the session is a new one, so that what happened since cannot be told; read again. */
  readonly type: "created" | "deleted" | "data" | "children" | "unknown";
  readonly path: string;
}

const eventTypes: ReadonlyMap<number, NodeEvent["type"]> = new Map([
  [1, "created"],
  [2, "deleted"],
  [3, "data"],
  [4, "children"],
]);

/** Undefined: not about a node. */
export function readNodeEvent(reader: JuteReader): NodeEvent | undefined {
  const type = eventTypes.get(reader.int());
  reader.int();
  const path = reader.string();
  return type === undefined ? undefined : { type, path };
}
