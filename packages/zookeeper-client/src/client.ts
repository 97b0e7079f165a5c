import { type Environment, environmentOf } from "./environment.js";
import { isZooKeeperError, type ZooKeeperError } from "./errors.js";
import { type JuteReader, JuteWriter } from "./jute.js";
import type { KnownStrings } from "./known-strings.js";
import { type MultiResult, type Operation, readMulti, writeMulti } from "./multi.js";
import { type Acl, creatorAcl, openAcl, opcodes, readStat, type Stat, writeAcl } from "./records.js";
import { assertPath, parseConnectString } from "./server-list.js";
import { type CallOptions, Session, type SessionEvent } from "./session.js";
import type { Watcher } from "./watch-table.js";

/** How to reach the servers. */
export interface ZooKeeperOptions extends Partial<Environment> {
  /** `h1:2181,h2:2181/chroot`, or a list of such hosts. Port 2181 where none is given. */
  readonly servers: string | readonly string[];
  /** Asked for; the server has limits of its own (2 to 20 ticks). Default 15,000 ms. */
  readonly sessionTimeoutMs?: number | undefined;
  /** Scheme digest. What is created is then for these alone, see {@link creatorAcl}. */
  readonly auth?: { readonly user: string; readonly password: string } | undefined;
  /** Also take a server that has lost the others and only reads. Default false. */
  readonly readOnly?: boolean | undefined;
  /** The deadline of a call that gives none. Default: the session's time asked for. */
  readonly callTimeoutMs?: number | undefined;
  /** How long {@link ZooKeeperClient.close} waits for the server. Default 2000 ms. */
  readonly closeTimeoutMs?: number | undefined;
  /** `jute.maxbuffer` of the servers; longer requests are refused here. Default 1,048,575. */
  readonly maxRequestBytes?: number | undefined;
  /** Longer answers end the connection. Default 64 MiB. */
  readonly maxResponseBytes?: number | undefined;
}

/** Limits of a read, and who is told of the next change. */
export interface ReadOptions extends CallOptions {
  readonly watcher?: Watcher | undefined;
}

/** How children are read. */
export interface ReadChildrenOptions extends ReadOptions {
  /** Where the names were read before: those that are still there are the same strings. Default: all are made anew. */
  readonly known?: KnownStrings | undefined;
}

/** How a node is made. */
export interface CreateOptions extends CallOptions {
  /** `container`: the server removes it some time after its last child went (from 3.5.1 on). Default `persistent`. */
  readonly mode?: "persistent" | "ephemeral" | "container" | undefined;
  /** The server appends ten digits. Not for containers. Default false. */
  readonly sequential?: boolean | undefined;
  /** Default: {@link creatorAcl} with credentials, {@link openAcl} without. */
  readonly acl?: readonly Acl[] | undefined;
}

/** A longer wait cannot be given to a timer. */
const foreverMs = 0x7fff_ffff;

/**
 * Begins to connect and gives the client at once; calls wait for the connection, each for its own time at most.
 * @throws {ZooKeeperError} ADDRESS_INVALID.
 */
export function openZooKeeper(options: ZooKeeperOptions): ZooKeeperClient {
  return new ZooKeeperClient(options);
}

/**
 * As {@link openZooKeeper}, but gives a client that is connected and authenticated.
 * @throws {ZooKeeperError} NOT_ZOOKEEPER, AUTH_FAILED, ADDRESS_INVALID. It goes on trying until `signal` aborts and
 *   then rejects with the signal's reason; the client is closed.
 */
export async function connectZooKeeper(
  options: ZooKeeperOptions,
  signal: AbortSignal,
): Promise<ZooKeeperClient> {
  const client = new ZooKeeperClient(options);
  try {
    await client.ready(signal);
    return client;
  } catch (error) {
    await client.close();
    throw error;
  }
}

/**
 * A client of ZooKeeper 3.4 or later. Versions default to -1: any. Every call rejects with a {@link ZooKeeperError}
 * by its deadline, or with its signal's reason.
 */
export class ZooKeeperClient implements AsyncDisposable {
  /** `/a/b`, or empty: where this client's `/` is. */
  readonly chroot: string;
  /** The parts of the environment that helpers share with the client. */
  readonly environment: Environment;
  readonly #session: Session;
  readonly #acl: readonly Acl[];

  constructor(options: ZooKeeperOptions) {
    const { servers, sessionTimeoutMs = 15_000, auth } = options;
    const parsed = parseConnectString(typeof servers === "string" ? servers : servers.join(","));
    this.chroot = parsed.chroot;
    this.environment = environmentOf(options);
    this.#acl = auth === undefined ? openAcl : creatorAcl;
    const settings = {
      servers: parsed.servers,
      sessionTimeoutMs,
      callTimeoutMs: options.callTimeoutMs ?? sessionTimeoutMs,
      closeTimeoutMs: options.closeTimeoutMs ?? 2_000,
      readOnly: options.readOnly ?? false,
      digest: auth === undefined ? undefined : `${auth.user}:${auth.password}`,
      maxRequestBytes: options.maxRequestBytes ?? 1_048_575,
      maxResponseBytes: options.maxResponseBytes ?? 64 * 1024 * 1024,
    };
    this.#session = new Session(settings, this.environment);
  }

  /** True while there is a link to a server. */
  get connected(): boolean {
    return this.#session.connected;
  }

  /** The present session: the `ephemeralOwner` of what it creates; 0n before the first. */
  get sessionId(): bigint {
    return this.#session.sessionId;
  }

  /** What the server granted, in ms; before that, what was asked for. */
  get sessionTimeoutMs(): number {
    return this.#session.timeoutMs;
  }

  /** Monotonic time of the latest connection but the first; undefined: there was none. */
  get reconnectedMs(): number | undefined {
    return this.#session.reconnectedMs;
  }

  /** Why there is no connection at present. */
  get failure(): ZooKeeperError | undefined {
    return this.#session.failure;
  }

  /** Tells of connections and sessions until the function that it gives back is called. */
  listen(listener: (event: SessionEvent) => void): () => void {
    return this.#session.listen(listener);
  }

  /** Resolves when a server has answered a call. Rejects with NOT_ZOOKEEPER, AUTH_FAILED or the signal's reason. */
  async ready(signal: AbortSignal): Promise<void> {
    await this.exists("/", { signal, timeoutMs: foreverMs });
  }

  /** The path of the new node, with the digits of a sequential one. Fails with NODE_EXISTS, NO_NODE (no parent) … */
  async create(path: string, data: Uint8Array, options: CreateOptions = {}): Promise<string> {
    const { mode = "persistent", sequential = false, acl = this.#acl } = options;
    const opcode = mode === "container" ? opcodes.createContainer : opcodes.create;
    const flags = mode === "container" ? 4 : (mode === "ephemeral" ? 1 : 0) + (sequential ? 2 : 0);
    const full = this.#absolute(path, sequential);
    const writer = new JuteWriter(data.byteLength + full.length + 64).string(full).buffer(data);
    writeAcl(writer, acl);
    return this.#write(opcode, path, writer.int(flags), (reader) => this.#relative(reader.string()), options);
  }

  /** Fails with NO_NODE, BAD_VERSION, NOT_EMPTY. */
  async delete(path: string, version = -1, options?: CallOptions): Promise<void> {
    const writer = new JuteWriter().string(this.#absolute(path)).int(version);
    return this.#write(opcodes.delete, path, writer, () => undefined, options);
  }

  /** Fails with NO_NODE, BAD_VERSION. */
  async setData(path: string, data: Uint8Array, version = -1, options?: CallOptions): Promise<Stat> {
    const writer = new JuteWriter(data.byteLength + 128)
      .string(this.#absolute(path))
      .buffer(data)
      .int(version);
    return this.#write(opcodes.setData, path, writer, readStat, options);
  }

  /** All of `operations`, or none: then it fails with the error of the first that could not be done. */
  async multi(operations: readonly Operation[], options?: CallOptions): Promise<readonly MultiResult[]> {
    const writer = new JuteWriter(1024);
    writeMulti(writer, operations, { acl: this.#acl, absolute: (path) => this.#absolute(path) });
    const read = (reader: JuteReader) => readMulti(reader, operations, (path) => this.#relative(path));
    return this.#write(opcodes.multi, operations[0]?.path ?? "/", writer, read, options);
  }

  /** Undefined: there is none. A watcher is then told when it is created. */
  async exists(path: string, options: ReadOptions = {}): Promise<Stat | undefined> {
    const full = this.#absolute(path);
    return this.#read(
      opcodes.exists,
      path,
      options,
      (reader) => {
        const stat = readStat(reader);
        this.#watch("data", full, options.watcher);
        return stat;
      },
      (error) => {
        if (error.code !== "NO_NODE") throw error;
        this.#watch("exist", full, options.watcher);
        return undefined;
      },
    );
  }

  /** Fails with NO_NODE; a watcher is then not told of anything. */
  async getData(
    path: string,
    options: ReadOptions = {},
  ): Promise<{ readonly data: Buffer; readonly stat: Stat }> {
    return this.#read(opcodes.getData, path, options, (reader) => {
      const read = { data: reader.buffer(), stat: readStat(reader) };
      this.#watch("data", this.#absolute(path), options.watcher);
      return read;
    });
  }

  /** Names, in no order. Fails with NO_NODE; a watcher is then not told of anything. */
  async getChildren(
    path: string,
    options: ReadChildrenOptions = {},
  ): Promise<{ readonly children: readonly string[]; readonly stat: Stat }> {
    const { known } = options;
    return this.#read(opcodes.getChildren2, path, options, (reader) => {
      const read = { children: known?.read(reader) ?? reader.strings([]), stat: readStat(reader) };
      this.#watch("child", this.#absolute(path), options.watcher);
      return read;
    });
  }

  /** The server asked catches up with the others: reads after it see all that was written before it. */
  async sync(path: string, options: CallOptions = {}): Promise<void> {
    const request = {
      opcode: opcodes.sync,
      body: new JuteWriter().string(this.#absolute(path)).finish(),
      decode: () => undefined,
      repeatable: true,
      path,
    };
    await this.#session.submit(request, options);
  }

  /** `watcher` is told nothing any more. */
  unwatch(watcher: Watcher): void {
    this.#session.watches.remove(this.#adapted.get(watcher) ?? watcher);
  }

  /**
   * Makes the nodes of {@link chroot} that are missing. Whoever made the rest of the tree normally did this too.
   * @throws {ZooKeeperError} NO_AUTH …
   */
  async createChroot(options?: CallOptions): Promise<void> {
    const parts = this.chroot.split("/").slice(1);
    for (let count = 1; count <= parts.length; count += 1) {
      const full = `/${parts.slice(0, count).join("/")}`;
      const writer = new JuteWriter().string(full).buffer(Buffer.alloc(0));
      writeAcl(writer, this.#acl);
      await this.#write(opcodes.create, full, writer.int(0), () => undefined, options).catch((error) => {
        if (!isZooKeeperError(error, "NODE_EXISTS")) throw error;
      });
    }
  }

  /** Ends the session on the server, which removes its ephemeral nodes; takes two seconds at most. */
  close(): Promise<void> {
    return this.#session.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #write<T>(
    opcode: number,
    path: string,
    writer: JuteWriter,
    decode: (reader: JuteReader) => T,
    options?: CallOptions,
  ): Promise<T> {
    return this.#session.submit({ opcode, body: writer.finish(), decode, repeatable: false, path }, options);
  }

  async #read<T>(
    opcode: number,
    path: string,
    options: ReadOptions,
    decode: (reader: JuteReader) => T,
    refused?: (error: ZooKeeperError) => T,
  ): Promise<T> {
    const watch = options.watcher !== undefined;
    const body = new JuteWriter().string(this.#absolute(path)).bool(watch).finish();
    const request = { opcode, body, decode, ...(refused && { refused }), repeatable: true, path };
    return this.#session.submit(request, options);
  }

  /** With a chroot, watchers are told of paths as they named them. One stand-in each, so that they are told once. */
  readonly #adapted = new WeakMap<Watcher, Watcher>();

  #watch(kind: "data" | "exist" | "child", full: string, watcher: Watcher | undefined): void {
    if (watcher === undefined) return;
    let adapted = this.#adapted.get(watcher);
    if (adapted === undefined) {
      adapted = { onEvent: ({ type, path }) => watcher.onEvent({ type, path: this.#relative(path) }) };
      this.#adapted.set(watcher, adapted);
    }
    this.#session.watches.add(kind, full, adapted);
  }

  #absolute(path: string, sequential = false): string {
    // A sequential node may be named by its digits alone: `/locks/`.
    assertPath(sequential ? `${path}0` : path);
    if (this.chroot === "") return path;
    return path === "/" ? this.chroot : this.chroot + path;
  }

  #relative(full: string): string {
    return full === this.chroot ? "/" : full.slice(this.chroot.length);
  }
}
