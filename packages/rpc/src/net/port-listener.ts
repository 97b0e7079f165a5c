import type { AddressInfo, Server, Socket } from "node:net";
import { ConfigError, type Runtime, type Timer } from "@dubbo-ts/core";
import type { ListenOptions } from "../protocol.js";
import { OwnMachine } from "./own-machine.js";
import type { OpenPort } from "./shared-ports.js";
import { detectTls, refusesPlainText, type ServerTls, tlsWanted } from "./tls.js";
import type { TlsGate, tlsGate } from "./tls-gate.js";

/** Knows one wire format by its first bytes, and serves the connections that speak it. */
export interface WireDetector {
  /** For log lines: `http/2`. */
  readonly name: string;
  /** Whether a connection that begins with `prefix` is one; undefined: more bytes are needed. */
  detect(prefix: Buffer): boolean | undefined;
  /** Takes the socket over, with the bytes that were looked at still to be read. */
  accept(socket: Socket): void;
  /** True: consumers connect long before they say something, so silent connections are theirs. Default false. */
  readonly takesSilent?: boolean;
}

/** Limits of a {@link PortListener}. */
export interface PortLimits {
  /** Connections that have not shown what they speak; those beyond it are closed. Default 1,000. */
  readonly maxUndetected?: number;
  /** How long a connection may take to show it. Default 5,000 ms. */
  readonly detectMs?: number;
  /** Open connections of all formats; those beyond it are closed. Default 10,000. */
  readonly maxConnections?: number;
}

/** A protocol on a port. */
export interface PortMember {
  /** For messages: `dubbo`. */
  readonly protocol: string;
  /** The formats that it speaks; of all on the port, the first that claims a connection gets it. */
  readonly detectors: readonly WireDetector[];
  /** Default: its connections are not encrypted. Members of one port that have it must have the same. */
  readonly tls?: ServerTls | undefined;
}

/** What a member has of a port. */
export interface Membership {
  /** No connection is taken for the member any more. Resolves when those that it has are closed. */
  leave(): Promise<void>;
  /** Destroys the connections that the member's formats took: the last step of a stop. */
  destroyConnections(): void;
}

/** No format needs more bytes than this to be known (HTTP/2's preface has 24). */
const maxPrefixBytes = 64;

/** How long a peer may take to read why it is turned away. */
const partingMs = 1_000;

/**
 * One port for several wire formats: the first bytes of a connection decide whose it is (rpc-protocols 4), plain or,
 * once more, decrypted. What nobody knows is closed, and so is what stays silent.
 */
export class PortListener implements OpenPort {
  readonly #undetected = new Map<Socket, Timer>();
  readonly #sockets = new Set<Socket>();
  readonly #members = new Set<Member>();
  readonly #limits: Required<PortLimits>;
  readonly #listener: Server;
  /** Undefined: peers may be anywhere. */
  #ownMachine: OwnMachine | undefined;
  #gate: TlsGate | undefined;
  #refusing = false;
  #closed: Promise<void> | undefined;

  private constructor(
    limits: PortLimits,
    private readonly runtime: Runtime,
  ) {
    this.#limits = { maxUndetected: 1_000, detectMs: 5_000, maxConnections: 10_000, ...limits };
    this.#listener = runtime.network.createServer({ noDelay: true }, (socket) => this.#onConnection(socket));
  }

  /**
   * Opens a port, which closes all connections until a protocol joins it.
   * @param protocol for messages.
   * @throws {ConfigError} PORT_IN_USE; ADDRESS_INVALID: the address is none of this machine, or not allowed.
   */
  static async open(
    listen: ListenOptions,
    limits: PortLimits,
    protocol: string,
    runtime: Runtime,
  ): Promise<PortListener> {
    const opened = new PortListener(limits, runtime);
    const { ownMachine = false, host, port } = listen;
    if (ownMachine) opened.#ownMachine = new OwnMachine(runtime);
    await opened.#listen({ host: ownMachine ? undefined : host, port }, protocol);
    return opened;
  }

  get port(): number {
    return (this.#listener.address() as AddressInfo).port;
  }

  /**
   * Serves the formats of `joining` here too.
   * @param makeGate needed where the member has TLS.
   * @throws {ConfigError} CONFIG_INVALID: another member has other certificates, or they cannot be used.
   */
  join(joining: PortMember, makeGate: typeof tlsGate | undefined): Membership {
    if (joining.tls !== undefined) this.#requireGate(joining.protocol, joining.tls, makeGate);
    const member = new Member(joining);
    for (const former of this.#members) if (former.left && former.idle) this.#members.delete(former);
    this.#members.add(member);
    return member;
  }

  /** Closes the port and what has not shown its format; the others belong to their members, and are waited for. */
  [Symbol.asyncDispose](): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#listener.close(() => resolve()));
    for (const socket of this.#undetected.keys()) socket.destroy();
    await Promise.all([...this.#members].map((member) => member.leave()));
    for (const socket of this.#sockets) socket.destroy(); // handshakes, and those who are told why they must go
    await closed;
  }

  #onConnection(socket: Socket): void {
    socket.on("error", () => {}); // whoever takes the socket over hears of it too
    if (this.#ownMachine?.has(socket.remoteAddress) === false) return this.#refuseForeign(socket);
    if (this.#sockets.size >= this.#limits.maxConnections) return this.#refuse(socket, "connections");
    this.#sockets.add(socket);
    socket.once("close", () => this.#sockets.delete(socket));
    this.#welcome(socket, false);
  }

  /** A format that has the port for itself gets its connections before they say something, if it likes that. */
  #welcome(socket: Socket, secure: boolean): void {
    const [only, ...others] = this.#claims(secure);
    if (only?.detector.takesSilent === true && others.length === 0) this.#hand(socket, only, secure);
    else this.#detect(socket, secure);
  }

  /** Finds out whose a connection is: one that was accepted, or one that was decrypted. */
  #detect(socket: Socket, secure: boolean): void {
    if (this.#undetected.size >= this.#limits.maxUndetected) return this.#refuse(socket, "undetected");
    const chunks: Buffer[] = [];
    const onReadable = () => {
      for (let chunk = readOf(socket); chunk !== null; chunk = readOf(socket)) chunks.push(chunk);
      if (socket.readableEnded) return void socket.destroy();
      const prefix = chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks);
      const claim = this.#claimOf(prefix, secure);
      if (claim === "open") return;
      decide();
      if (claim === undefined) return this.#unknown(socket, prefix);
      socket.unshift(prefix);
      this.#hand(socket, claim, secure);
    };
    const decide = () => {
      socket.off("readable", onReadable);
      this.#decided(socket);
    };
    const onTime = () => {
      const silent = this.#claims(secure).find(({ detector }) => detector.takesSilent === true);
      if (chunks.length > 0 || silent === undefined) return void socket.destroy();
      decide();
      this.#hand(socket, silent, secure);
    };
    const timer = this.runtime.clock.setTimeout(onTime, this.#limits.detectMs, { background: true });
    this.#undetected.set(socket, timer);
    socket.on("readable", onReadable);
    socket.once("close", () => this.#decided(socket));
  }

  /** Everything that could be spoken, in the order in which it is asked. */
  #claims(secure: boolean): readonly Claim[] {
    // Of a member that left, connections are known and closed, unless it has come back since.
    const members = [...this.#members].sort((one, other) => Number(one.left) - Number(other.left));
    const claims = members.flatMap((member) => member.detectors.map((detector) => ({ member, detector })));
    return secure || this.#gate === undefined ? claims : [...claims, tlsClaim(this.#gate)];
  }

  /** `open`: more bytes will tell. */
  #claimOf(prefix: Buffer, secure: boolean): Claim | "open" | undefined {
    let open = false;
    for (const claim of this.#claims(secure)) {
      const detected = claim.detector.detect(prefix);
      if (detected === true) return claim;
      open ||= detected === undefined;
    }
    return open && prefix.length < maxPrefixBytes ? "open" : undefined;
  }

  #hand(socket: Socket, { member, detector }: Claim, secure: boolean): void {
    if (member.left) return void socket.destroy();
    if (!secure && member.refusesPlainText) return this.#refusePlainText(socket, member.protocol);
    member.take(socket, detector);
  }

  #decided(socket: Socket): void {
    this.#undetected.get(socket)?.cancel();
    if (!this.#undetected.delete(socket)) return;
    this.#refusing = false;
  }

  #unknown(socket: Socket, prefix: Buffer): void {
    const begins = prefix.subarray(0, 16).toString("hex");
    this.#warn(socket, { begins, code: "FRAME_INVALID" }, "connection closed: unknown format");
    if (!isText(prefix)) return void socket.destroy();
    const names = new Set(this.#claims(false).map(({ detector }) => detector.name));
    this.#part(socket, `This port speaks ${[...names].join(", ")}.\r\n`);
  }

  #refusePlainText(socket: Socket, protocol: string): void {
    this.#warn(socket, { protocol }, "connection closed: it is not encrypted, and TLS is wanted");
    this.#part(socket, tlsWanted);
  }

  /** Closes so that the peer can read why: on bytes that were not read, the system would reset the connection. */
  #part(socket: Socket, why: string | Buffer): void {
    socket.end(why);
    socket.resume();
    const timer = this.runtime.clock.setTimeout(() => socket.destroy(), partingMs, { background: true });
    socket.once("close", () => timer.cancel());
  }

  #refuse(socket: Socket, why: string): void {
    socket.destroy();
    if (this.#refusing) return;
    this.#refusing = true;
    const { maxConnections, maxUndetected } = this.#limits;
    this.runtime.log.warn(
      { protocol: this.#protocols, maxConnections, maxUndetected, why },
      `${this.#protocols} connections are refused: there are too many`,
    );
  }

  #warn(socket: Socket, fields: object, message: string): void {
    const peer = `${socket.remoteAddress}:${socket.remotePort}`;
    this.runtime.log.warn({ peer, ...fields }, `${this.#protocols} ${message}`);
  }

  /** Before a byte is read: for those outside, the port might as well be closed. */
  #refuseForeign(socket: Socket): void {
    if (this.#ownMachine?.mayTellOf(socket.remoteAddress))
      this.#warn(socket, {}, "connection closed: this port is for programs of this machine");
    socket.destroy();
  }

  get #protocols(): string {
    return [...new Set([...this.#members].map(({ protocol }) => protocol))].join("+");
  }

  #requireGate(protocol: string, tls: ServerTls, makeGate: typeof tlsGate | undefined): void {
    if (this.#gate !== undefined && sameTls(this.#gate.tls, tls)) return;
    if (this.#gate !== undefined || makeGate === undefined)
      throw new ConfigError("CONFIG_INVALID", `${protocol}: its port has other certificates already`);
    this.#gate = makeGate(tls, {
      handshakeMs: this.#limits.detectMs,
      onSecure: (socket) => this.#welcome(socket, true),
      onFailure: ({ message }, socket) =>
        this.#warn(socket, { error: message }, "connection closed: TLS failed"),
    });
  }

  #listen({ host, port }: ListenOptions, protocol: string): Promise<void> {
    return new Promise((resolve, reject) => {
      const onError = (error: NodeJS.ErrnoException) => reject(listenError(error, protocol, host, port));
      this.#listener.once("error", onError);
      this.#listener.listen({ port, host, exclusive: true }, () => {
        this.#listener.removeListener("error", onError);
        this.#listener.on("error", (error) =>
          this.runtime.log.warn({ error: error.message }, `${protocol} port: accepting failed`),
        );
        resolve();
      });
    });
  }
}

/** Whose a connection may be. */
interface Claim {
  readonly member: Pick<Member, "left" | "protocol" | "refusesPlainText" | "take">;
  readonly detector: WireDetector;
}

class Member implements Membership {
  left = false;
  readonly protocol: string;
  readonly detectors: readonly WireDetector[];
  readonly refusesPlainText: boolean;
  readonly #sockets = new Set<Socket>();
  #onIdle: (() => void) | undefined;
  #closed: Promise<void> | undefined;

  constructor({ protocol, detectors, tls }: PortMember) {
    this.protocol = protocol;
    this.detectors = detectors;
    this.refusesPlainText = tls !== undefined && refusesPlainText(tls);
  }

  take(socket: Socket, detector: WireDetector): void {
    this.#sockets.add(socket);
    socket.once("close", () => {
      this.#sockets.delete(socket);
      if (this.idle) this.#onIdle?.();
    });
    detector.accept(socket);
  }

  get idle(): boolean {
    return this.#sockets.size === 0;
  }

  leave(): Promise<void> {
    this.left = true;
    this.#closed ??= new Promise((resolve) => {
      if (this.idle) resolve();
      else this.#onIdle = resolve;
    });
    return this.#closed;
  }

  destroyConnections(): void {
    for (const socket of this.#sockets) socket.destroy();
  }
}

function tlsClaim(gate: TlsGate): Claim {
  const take = (socket: Socket) => gate.accept(socket);
  const detector = { name: "tls", detect: detectTls, accept: take };
  return { member: { protocol: "tls", left: false, refusesPlainText: false, take }, detector };
}

function sameTls(one: ServerTls, other: ServerTls): boolean {
  const names = ["certificate", "privateKey", "clientAuthority"] as const;
  return names.every((name) => String(one[name]) === String(other[name]));
}

/** Something that a person typed, or a protocol of lines of text. */
function isText(prefix: Buffer): boolean {
  return (
    prefix.length > 0 && prefix.every((byte) => (byte >= 0x20 && byte < 0x7f) || (byte >= 9 && byte <= 13))
  );
}

function listenError(
  cause: NodeJS.ErrnoException,
  protocol: string,
  host: string | undefined,
  port: number,
): ConfigError {
  const where = `${host ?? "*"}:${port}`;
  if (cause.code === "EADDRINUSE") {
    const message = `${protocol} cannot listen on ${where}: the port is in use`;
    return new ConfigError("PORT_IN_USE", message, { cause });
  }
  return new ConfigError("ADDRESS_INVALID", `${protocol} cannot listen on ${where}: ${cause.message}`, {
    cause,
  });
}

function readOf(socket: Socket): Buffer | null {
  return socket.read() as Buffer | null;
}
