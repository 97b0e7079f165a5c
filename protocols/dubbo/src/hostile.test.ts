import { readFileSync } from "node:fs";
import type { Socket } from "node:net";
import { join } from "node:path";
import { Duplex } from "node:stream";
import {
  endpoint,
  type Logger,
  type Network,
  type Runtime,
  serviceKey,
  systemNetwork,
  systemRuntime,
} from "@dubbo-ts/core";
import { createClient, defineService, java, method, serveImplementation } from "@dubbo-ts/rpc";
import { seededRandom } from "@dubbo-ts/testkit";
import { DubboServer } from "./dubbo-server.js";
import { dubboProtocol } from "./dubbo-protocol.js";
import { heartbeatRequest, readOnlyEvent } from "./event.js";
import { decodeFrames } from "./frame.js";
import { dubboSettings } from "./options.js";

/** `FUZZ_FRAMES=1000000 FUZZ_SEED=1 npx jest protocols/dubbo/src/hostile` is the long run. */
const frameCount = Number(process.env["FUZZ_FRAMES"] ?? 10_000);
const seed = Number(process.env["FUZZ_SEED"] ?? 1);

const limitMs = 20_000 + frameCount;

const any = java.any();
const Anything = defineService("org.example.interop.UserService", {
  getUser: method([java.long()], any),
  echoUser: method([any], any),
  listUsers: method([java.int()], any),
  addLong: method([java.long(), java.long()], java.long()),
  addDecimal: method([java.decimal(), java.decimal()], java.decimal()),
  plusDay: method([java.date()], java.date()),
  echo: method([java.string().nullable()], java.string().nullable()),
  reverse: method([java.bytes()], java.bytes()),
  fail: method([java.string()], any),
  attachments: method([], any),
  fire: method([java.string()], java.void()),
});
const key = serviceKey("org.example.interop.UserService");

/** A socket without a network: the test writes what comes in, what goes out is counted and dropped. */
class MemorySocket extends Duplex {
  readonly remoteAddress = "memory";
  readonly remotePort = 1;
  readonly sent: Buffer[] = [];

  setNoDelay(): this {
    return this;
  }

  override _read(): void {}

  override _write(chunk: Buffer, _: BufferEncoding, done: () => void): void {
    this.sent.push(chunk);
    done();
  }

  asSocket(): Socket {
    return this as unknown as Socket;
  }
}

function recordedFrames(direction: ">" | "<"): Buffer[] {
  return ["java-frames.txt", "go-frames.txt"].flatMap((file) =>
    readFileSync(join(__dirname, "fixtures", file), "latin1")
      .split("\n")
      .filter((line) => line.startsWith(`${direction} `))
      .map((line) => Buffer.from(line.slice(2), "hex"))
      .filter((frame) => frame.length < 1_500),
  );
}

/** Frames with something wrong, now and then nothing. */
class Mutator {
  constructor(
    private readonly random: () => number,
    private readonly originals: readonly Buffer[],
  ) {}

  below(limit: number): number {
    return Math.floor(this.random() * limit);
  }

  next(): Buffer {
    const frame = Buffer.from(this.#original());
    for (let times = this.below(4); times > 0; times -= 1) this.#damage(frame);
    switch (this.below(12)) {
      case 0:
        return frame.subarray(0, this.below(frame.length));
      case 1:
        return Buffer.concat([frame.subarray(0, this.below(frame.length)), this.#original()]);
      case 2:
        frame.writeInt32BE([0, 1, -1, 0x7fffffff, -0x80000000, 0x00800001][this.below(6)] as number, 12);
        return frame;
      case 3:
        frame[this.below(3)] = this.below(256);
        return frame;
      case 4:
        return this.#fitted(Buffer.concat([frame, Buffer.alloc(this.below(40), this.below(256))]));
      case 5:
        return this.#fitted(frame.subarray(0, 16 + this.below(frame.length - 15)));
      default:
        return frame;
    }
  }

  #original(): Buffer {
    return this.originals[this.below(this.originals.length)] as Buffer;
  }

  #damage(frame: Buffer): void {
    const at = this.random() < 0.2 ? this.below(16) : 16 + this.below(Math.max(1, frame.length - 16));
    if (at < 2 || (at >= 12 && at < 16) || at >= frame.length) return;
    if (this.random() < 0.5) frame[at] = this.below(256);
    else frame[at] = (frame[at] as number) ^ (1 << this.below(8));
  }

  /** The length field tells the truth: what is wrong is in the body. */
  #fitted(frame: Buffer): Buffer {
    const copy = Buffer.from(frame);
    copy.writeUInt32BE(copy.length - 16, 12);
    return copy;
  }
}

/** Keeps numbers and not lines: the run is long. */
function countingLogger() {
  const lines = { debug: 0, info: 0, warn: 0, error: 0 };
  const count = (level: keyof typeof lines) => () => void (lines[level] += 1);
  const log: Logger = {
    debug: count("debug"),
    info: count("info"),
    warn: count("warn"),
    error: count("error"),
  };
  return { log, lines };
}

/** What a long run must not do. */
function watching() {
  const unhandled: unknown[] = [];
  const onUnhandled = (error: unknown) => void unhandled.push(error);
  process.on("unhandledRejection", onUnhandled);
  const before = process.memoryUsage().rss;
  let longestMs = 0;
  return {
    time(work: () => void): void {
      const startMs = performance.now();
      const startCpu = process.cpuUsage();
      work();
      const { user, system } = process.cpuUsage(startCpu);
      // A shared machine takes the processor away, and collects garbage beside: what is less, was ours.
      longestMs = Math.max(longestMs, Math.min(performance.now() - startMs, (user + system) / 1_000));
    },
    async end(): Promise<void> {
      for (let turn = 0; turn < 5; turn += 1) await new Promise((resolve) => setImmediate(resolve));
      process.off("unhandledRejection", onUnhandled);
      expect(unhandled).toEqual([]);
      // The bars are 20 ms and 64 MB for a program of its own; here the collector has the test's garbage to do too.
      expect(longestMs).toBeLessThan(100);
      expect(process.memoryUsage().rss - before).toBeLessThan(256 * 1024 * 1024);
    },
  };
}

/** In one piece, or in several. */
function* pieces(bytes: Buffer, mutator: Mutator): Generator<Buffer> {
  if (mutator.below(4) > 0) return yield bytes;
  for (let at = 0; at < bytes.length; ) {
    const end = at + 1 + mutator.below(60);
    yield bytes.subarray(at, end);
    at = end;
  }
}

const turn = () => new Promise((resolve) => setImmediate(resolve));

describe(`mutated frames, ${frameCount} a side`, () => {
  test(
    "neither crash nor bend a provider, which says one line for each connection that it closes",
    async () => {
      const { log, lines } = countingLogger();
      const server = new DubboServer(dubboSettings({ drainMs: 100 }), { ...systemRuntime, log });
      const echo = (...args: unknown[]) => args[0] ?? null;
      const implementation = Object.fromEntries(Object.keys(Anything.methods).map((name) => [name, echo]));
      const invoker = serveImplementation(Anything, implementation as never);
      server.services.add({ key, definition: Anything, invoker });
      const originals = [...recordedFrames(">"), heartbeatRequest(1, 2), readOnlyEvent(1, 2)];
      const mutator = new Mutator(seededRandom(seed), originals);
      const watch = watching();
      let closed = 0;
      let answers = 0;
      for (let done = 0; done < frameCount; ) {
        const socket = new MemorySocket();
        server.accept(socket.asSocket());
        for (let count = 0; count < 20 && !socket.destroyed; count += 1) {
          done += 1;
          for (const piece of pieces(mutator.next(), mutator)) {
            watch.time(() => socket.emit("data", piece));
            if (socket.destroyed) break;
          }
        }
        await turn();
        await turn();
        closed += socket.destroyed ? 1 : 0;
        answers += decodeFrames(Buffer.concat(socket.sent)).length;
        socket.destroy();
      }
      await watch.end();
      expect(lines.warn).toBe(closed);
      expect(closed).toBeGreaterThan(frameCount / 200);
      expect(answers).toBeGreaterThan(frameCount / 20);
      await server[Symbol.asyncDispose]();
    },
    limitMs,
  );

  test(
    "neither crash nor bend a consumer, whose calls all end",
    async () => {
      const { log } = countingLogger();
      const sockets: MemorySocket[] = [];
      const network: Network = {
        ...systemNetwork,
        connect: () => {
          const socket = new MemorySocket();
          sockets.push(socket);
          setImmediate(() => socket.emit("connect"));
          return socket.asSocket();
        },
      };
      const runtime: Runtime = { ...systemRuntime, log, network };
      const answers = recordedFrames("<");
      const mutator = new Mutator(seededRandom(seed + 1), [
        ...answers,
        heartbeatRequest(1, 2),
        readOnlyEvent(1, 2),
      ]);
      const watch = watching();
      let settled = 0;
      let calls = 0;
      for (let done = 0; done < frameCount; ) {
        const protocol = dubboProtocol({ drainMs: 1, connectTimeoutMs: 100 }, runtime);
        const invoker = protocol.refer(endpoint({ protocol: "dubbo", host: "memory", port: 1 }));
        const settings = { service: key, runtime, timeoutMs: () => 5_000 };
        const client = createClient(Anything, invoker, settings);
        const made = [client.getUser(1n), ...Array.from({ length: 19 }, (_, at) => client.echo(String(at)))];
        calls += made.length;
        for (const call of made)
          call.then(
            () => (settled += 1),
            () => (settled += 1),
          );
        await turn();
        await turn();
        await turn();
        const socket = sockets.pop() as MemorySocket;
        for (const { idHigh, idLow } of decodeFrames(Buffer.concat(socket.sent))) {
          const answer = mutator.next();
          done += 1;
          if (answer.length >= 12 && mutator.below(20) > 0) {
            answer.writeInt32BE(idHigh, 4);
            answer.writeInt32BE(idLow, 8);
          }
          for (const piece of pieces(answer, mutator)) {
            if (!socket.destroyed) watch.time(() => socket.emit("data", piece));
          }
          if (socket.destroyed) break;
        }
        socket.destroy();
        await protocol[Symbol.asyncDispose]();
        for (const extra of sockets.splice(0)) extra.destroy();
      }
      await watch.end();
      expect(settled).toBe(calls);
    },
    limitMs,
  );
});
