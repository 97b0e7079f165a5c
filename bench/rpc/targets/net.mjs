// The floor: frames of bytes, nothing read or written as values. Answers come in the order of the requests.
import { once } from "node:events";
import { connect as openSocket, createServer } from "node:net";
import { text, users } from "../workload.mjs";
import { batchedWriter, onFrames } from "./frames.mjs";

const headerBytes = 5;
const kinds = { echo: 0, users: 1 };
const lengthOf = (bytes) => bytes.readUInt32BE(0);

function frame(kind, body) {
  const bytes = Buffer.allocUnsafe(headerBytes + body.length);
  bytes.writeUInt32BE(bytes.length, 0);
  bytes[4] = kind;
  body.copy(bytes, headerBytes);
  return bytes;
}

export async function serve() {
  const list = Buffer.from(JSON.stringify(users));
  const server = createServer({ noDelay: true }, (socket) => {
    const write = batchedWriter(socket);
    onFrames(socket, headerBytes, lengthOf, (bytes) =>
      write(frame(bytes[4], bytes[4] === kinds.echo ? bytes.subarray(headerBytes) : list)),
    );
    socket.on("error", () => {});
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  return server.address();
}

export async function connect({ address, port }) {
  const socket = openSocket({ host: address, port, noDelay: true });
  await once(socket, "connect");
  const write = batchedWriter(socket);
  const waiting = [];
  let first = 0;
  onFrames(socket, headerBytes, lengthOf, (bytes) => {
    waiting[first](bytes.subarray(headerBytes));
    first += 1;
    if (first === 4_096) waiting.splice(0, (first = 0) + 4_096);
  });
  const call = (kind, body) =>
    new Promise((resolve) => {
      waiting.push(resolve);
      write(frame(kind, body));
    });
  const body = Buffer.from(text);
  const none = Buffer.alloc(0);
  return { echo: () => call(kinds.echo, body), users: () => call(kinds.users, none) };
}
