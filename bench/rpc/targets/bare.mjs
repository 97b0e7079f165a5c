// The same bytes as dubbo-ts, by hand and with hessian.js: what the wire costs without any framework.
import { once } from "node:events";
import { connect as openSocket, createServer } from "node:net";
import hessian from "hessian.js";
import { text, users } from "../workload.mjs";
import { batchedWriter, onFrames } from "./frames.mjs";

const headerBytes = 16;
const lengthOf = (bytes) => headerBytes + bytes.readUInt32BE(12);
const service = "org.example.bench.BenchService";
const list = users.map((user) => ({ $class: "org.example.bench.User", $: user }));
const attachments = {
  path: service,
  "remote.application": "bench",
  interface: service,
  version: "0.0.0",
  timeout: "3000",
};

function frame(flags, status, id, write) {
  const encoder = new hessian.EncoderV2();
  write(encoder);
  const body = encoder.get();
  const bytes = Buffer.allocUnsafe(headerBytes + body.length);
  bytes.writeUInt16BE(0xdabb, 0);
  bytes[2] = flags;
  bytes[3] = status;
  bytes.writeUInt32BE(0, 4);
  bytes.writeUInt32BE(id, 8);
  bytes.writeUInt32BE(body.length, 12);
  body.copy(bytes, headerBytes);
  return bytes;
}

function requestOf(bytes) {
  const decoder = new hessian.DecoderV2(bytes.subarray(headerBytes));
  decoder.read();
  decoder.read();
  decoder.read();
  const method = decoder.read();
  const descriptor = decoder.read();
  const argument = descriptor === "" ? undefined : decoder.read();
  decoder.read();
  return { id: bytes.readUInt32BE(8), method, argument };
}

export async function serve() {
  const server = createServer({ noDelay: true }, (socket) => {
    const write = batchedWriter(socket);
    onFrames(socket, headerBytes, lengthOf, (bytes) => {
      const { id, method, argument } = requestOf(bytes);
      const answer = frame(0x02, 20, id, (encoder) => {
        encoder.write(4);
        encoder.write(method === "echo" ? argument : list);
        encoder.write({ dubbo: "2.0.2" });
      });
      write(answer);
    });
    socket.on("error", () => {});
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  return server.address();
}

export async function connect({ address, port }) {
  const socket = openSocket({ host: address, port, noDelay: true });
  await once(socket, "connect");
  const write = batchedWriter(socket);
  const calls = new Map();
  let lastId = 0;
  onFrames(socket, headerBytes, lengthOf, (bytes) => {
    const id = bytes.readUInt32BE(8);
    const decoder = new hessian.DecoderV2(bytes.subarray(headerBytes));
    decoder.read();
    const value = decoder.read();
    decoder.read();
    calls.get(id)(value);
    calls.delete(id);
  });
  const call = (method, descriptor, argument) =>
    new Promise((resolve) => {
      lastId = (lastId + 1) >>> 0;
      calls.set(lastId, resolve);
      const request = frame(0xc2, 0, lastId, (encoder) => {
        for (const part of ["2.0.2", service, "0.0.0", method, descriptor]) encoder.write(part);
        if (argument !== undefined) encoder.write(argument);
        encoder.write(attachments);
      });
      write(request);
    });
  return { echo: () => call("echo", "Ljava/lang/String;", text), users: () => call("users", "") };
}
