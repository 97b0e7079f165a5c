import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import { systemRuntime } from "@dubbo-ts/core";
import { noLeaks, recordingLogger, testCertificates, waitFor } from "@dubbo-ts/testkit";
import type { PortLimits, PortMember, WireDetector } from "./port-listener.js";
import { type PortLease, Ports } from "./ports.js";
import { refusesPlainText, type ServerTls } from "./tls.js";

const { provider, authority, expired } = testCertificates;
const tls: ServerTls = provider;
const log = recordingLogger();
const cleanups: (() => PromiseLike<void> | void)[] = [];
const leaks = noLeaks();

afterEach(async () => {
  while (cleanups.length > 0) await cleanups.pop()?.();
  await leaks();
});

function portsOf(limits: PortLimits = {}): Ports {
  return new Ports(limits, { ...systemRuntime, log });
}

/** A format that begins with `magic`, and answers with its name and what it was told. */
function speaker(name: string, magic: string, takesSilent = false): WireDetector & { sockets: Socket[] } {
  const sockets: Socket[] = [];
  return {
    name,
    takesSilent,
    sockets,
    detect(prefix) {
      const seen = prefix.toString("latin1");
      return seen.length >= magic.length
        ? seen.startsWith(magic)
        : magic.startsWith(seen)
          ? undefined
          : false;
    },
    accept(socket) {
      sockets.push(socket);
      socket.on("error", () => {});
      socket.on("data", (data: Buffer) => socket.write(`${name}:${data.toString("latin1")}`));
      socket.on("end", () => socket.end());
    },
  };
}

async function joined(ports: Ports, port: number, member: PortMember): Promise<PortLease> {
  const lease = await ports.join({ host: "127.0.0.1", port }, member);
  let left: Promise<void> | undefined;
  cleanups.push(() => {
    const leaving = (left ??= lease.leave());
    lease.destroyConnections();
    return leaving;
  });
  return { ...lease, leave: () => (left ??= lease.leave()) };
}

/** Two formats on one port. */
async function shared(limits: PortLimits = {}, secured?: ServerTls) {
  const ports = portsOf(limits);
  const red = speaker("red", "r!", true);
  const blue = speaker("blue", "blue!");
  const one = await joined(ports, 0, { protocol: "red", detectors: [red], tls: secured });
  const other = await joined(ports, one.port, { protocol: "blue", detectors: [blue], tls: secured });
  expect(other.port).toBe(one.port);
  return { ports, red, blue, one, other, port: one.port };
}

/** A connection to the port that keeps what it reads. */
async function dial(port: number, encrypted = false) {
  const options = { host: "127.0.0.1", port };
  const socket = encrypted ? connectTls({ ...options, ca: authority }) : connect(options);
  cleanups.push(() => void socket.destroy());
  const read: Buffer[] = [];
  socket.on("data", (data: Buffer) => read.push(data));
  socket.on("error", () => {});
  await once(socket, encrypted ? "secureConnect" : "connect");
  const text = () => Buffer.concat(read).toString("latin1");
  return { socket, text, closed: () => socket.closed, bytes: () => Buffer.concat(read) };
}

describe("one port for several formats", () => {
  test("gives each connection to the format that its first bytes are of, however they are cut", async () => {
    const { port } = await shared();
    for (const [name, said] of [
      ["red", "r!hello"],
      ["blue", "blue!hello"],
    ] as const) {
      const whole = await dial(port);
      whole.socket.write(said);
      await waitFor(() => whole.text() === `${name}:${said}`);
      const single = await dial(port);
      single.socket.setNoDelay(true);
      const magic = said.slice(0, said.indexOf("!") + 1);
      for (const letter of magic) {
        single.socket.write(letter);
        await new Promise((resolve) => setImmediate(resolve));
      }
      await waitFor(() => single.text().startsWith(`${name}:`));
      single.socket.write("more");
      await waitFor(() => single.text().includes("more"));
    }
  });

  test("closes what nobody knows: bytes at once, text after a line that tells what is spoken", async () => {
    const { port } = await shared();
    const bytes = await dial(port);
    bytes.socket.write(Buffer.from([0, 1, 2]));
    await waitFor(() => bytes.closed());
    expect(bytes.text()).toBe("");
    const telnet = await dial(port);
    telnet.socket.write("help\r\n");
    await waitFor(() => telnet.closed());
    expect(telnet.text()).toBe("This port speaks red, blue.\r\n");
    expect(log.entries).toContainEqual(
      expect.objectContaining({
        fields: expect.objectContaining({ code: "FRAME_INVALID", begins: "000102" }),
      }),
    );
  });

  test("closes unfinished beginnings in time, and gives silent connections to the format that expects them", async () => {
    const { port, red } = await shared({ detectMs: 50 });
    const unfinished = await dial(port);
    unfinished.socket.write("bl");
    const silent = await dial(port);
    await waitFor(() => unfinished.closed());
    await waitFor(() => red.sockets.length === 1);
    silent.socket.write("anything");
    await waitFor(() => silent.text() === "red:anything");
    const ports = portsOf({ detectMs: 50 });
    const alone = await joined(ports, 0, { protocol: "blue", detectors: [speaker("blue", "blue!")] });
    const mute = await dial(alone.port);
    await waitFor(() => mute.closed());
  });

  test("holds no more undetected connections than it may, and takes others again afterwards", async () => {
    const { port } = await shared({ maxUndetected: 2 });
    const waiting = [await dial(port), await dial(port)];
    const third = await dial(port);
    await waitFor(() => third.closed());
    expect(waiting.some((one) => one.closed())).toBe(false);
    waiting[0]?.socket.write("r!x");
    await waitFor(() => waiting[0]?.text() === "red:r!x");
    const fourth = await dial(port);
    fourth.socket.write("blue!x");
    await waitFor(() => fourth.text() === "blue:blue!x");
  });

  test("keeps the limit of all connections", async () => {
    const { port } = await shared({ maxConnections: 1 });
    const first = await dial(port);
    const second = await dial(port);
    await waitFor(() => second.closed());
    expect(first.closed()).toBe(false);
  });

  test("gives a format that is alone on its port its connections before they say something", async () => {
    const red = speaker("red", "r!", true);
    const { port } = await joined(portsOf(), 0, { protocol: "red", detectors: [red] });
    await dial(port);
    await waitFor(() => red.sockets.length === 1);
  });

  test("stays open until the last protocol has left, and turns away what is for those that have", async () => {
    const { ports, port, one, other } = await shared();
    const held = await dial(port);
    held.socket.write("r!x");
    await waitFor(() => held.text() === "red:r!x");
    let left = false;
    const leaving = one.leave().then(() => {
      left = true;
    });
    const late = await dial(port);
    late.socket.write("r!late");
    await waitFor(() => late.closed());
    expect(late.text()).toBe("");
    const blue = await dial(port);
    blue.socket.write("blue!x");
    await waitFor(() => blue.text() === "blue:blue!x");
    expect(left).toBe(false);
    one.destroyConnections();
    await leaving;
    expect(blue.closed()).toBe(false);
    await joined(ports, port, { protocol: "red", detectors: [speaker("again", "r!")] });
    const back = await dial(port);
    back.socket.write("r!x");
    await waitFor(() => back.text() === "again:r!x");
    const closing = other.leave();
    other.destroyConnections();
    await closing;
  });

  test("is shared by a number, never by 0, and by all words for every interface", async () => {
    const ports = portsOf();
    const member = { protocol: "red", detectors: [] };
    const one = await joined(ports, 0, member);
    const two = await joined(ports, 0, member);
    expect(two.port).not.toBe(one.port);
    const wide = await ports.join({ port: 0 }, member);
    const same = await ports.join({ host: "0.0.0.0", port: wide.port }, member);
    expect(same.port).toBe(wide.port);
    await expect(portsOf().join({ host: "127.0.0.1", port: one.port }, member)).rejects.toMatchObject({
      code: "PORT_IN_USE",
      message: expect.stringContaining("red cannot listen"),
    });
    await Promise.all([wide.leave(), same.leave()]);
  });
});

describe("encrypted connections", () => {
  test("share the port with plain ones, and their formats are found out like those", async () => {
    const { port } = await shared({}, tls);
    for (const encrypted of [true, false]) {
      const red = await dial(port, encrypted);
      red.socket.write("r");
      await new Promise((resolve) => setImmediate(resolve));
      red.socket.write("!x");
      await waitFor(() => red.text().startsWith("red:"));
      const blue = await dial(port, encrypted);
      blue.socket.write("blue!x");
      await waitFor(() => blue.text() === "blue:blue!x");
      const foreign = await dial(port, encrypted);
      foreign.socket.write(Buffer.from([1, 2, 3]));
      await waitFor(() => foreign.closed());
    }
  });

  test("are the only ones where plain text is refused, which is said in TLS's own words", async () => {
    const { port } = await shared({}, { ...tls, plainText: "refuse" });
    const plain = await dial(port);
    plain.socket.write("r!x");
    await waitFor(() => plain.closed());
    expect([...plain.bytes().subarray(0, 2)]).toEqual([0x15, 0x03]);
    const secure = await dial(port, true);
    secure.socket.write("r!x");
    await waitFor(() => secure.text() === "red:r!x");
    expect(refusesPlainText({ ...tls, clientAuthority: authority })).toBe(true);
    expect(refusesPlainText({ ...tls, clientAuthority: authority, plainText: "accept" })).toBe(false);
  });

  test("of which the handshake fails or never ends are closed", async () => {
    const { port } = await shared({ detectMs: 100 }, tls);
    const garbage = await dial(port);
    garbage.socket.write(Buffer.from([0x16, 0x03, 0x01, 0xff, 0xff, 1, 2, 3]));
    await waitFor(() => garbage.closed());
    const slow = await dial(port);
    slow.socket.write(Buffer.from([0x16, 0x03, 0x01, 0x00, 0xf0, 1]));
    await waitFor(() => slow.closed());
  });

  test("that are in their handshake do not keep a port open that is closed", async () => {
    const { port, one, other } = await shared({ detectMs: 600_000 }, tls);
    const slow = await dial(port);
    slow.socket.write(Buffer.from([0x16, 0x03, 0x01, 0x00, 0xf0, 1]));
    const after = await dial(port);
    after.socket.write("r!x"); // comes later: the first one is known by then
    await waitFor(() => after.text() === "red:r!x");
    const leaving = Promise.all([one.leave(), other.leave()]);
    one.destroyConnections();
    await leaving;
    await waitFor(() => slow.closed());
  });

  test("need certificates that fit together, and are the same for all on the port", async () => {
    const ports = portsOf();
    const member = { protocol: "red", detectors: [speaker("red", "r!")] };
    const broken = { certificate: provider.certificate, privateKey: expired.privateKey };
    await expect(joined(ports, 0, { ...member, tls: broken })).rejects.toMatchObject({
      code: "CONFIG_INVALID",
    });
    const { port } = await joined(ports, 0, { ...member, tls });
    await expect(joined(ports, port, { ...member, tls: expired })).rejects.toMatchObject({
      code: "CONFIG_INVALID",
      message: expect.stringContaining("other certificates"),
    });
    await joined(ports, port, { protocol: "plain", detectors: [speaker("blue", "blue!")] });
    const blue = await dial(port, true);
    blue.socket.write("blue!x");
    await waitFor(() => blue.text() === "blue:blue!x");
  });
});
