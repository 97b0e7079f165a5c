/** Joins what is written within one turn of the event loop into one write: what any fast protocol does. */
export function batchedWriter(socket) {
  let scheduled = false;
  const flush = () => {
    scheduled = false;
    socket.uncork();
  };
  return (bytes) => {
    if (!scheduled) {
      scheduled = true;
      socket.cork();
      setImmediate(flush);
    }
    socket.write(bytes);
  };
}

/** Cuts a stream into frames: `lengthOf` reads a whole frame's length from its first `headerBytes`. */
export function onFrames(socket, headerBytes, lengthOf, onFrame) {
  let rest;
  socket.on("data", (chunk) => {
    let bytes = rest === undefined ? chunk : Buffer.concat([rest, chunk]);
    while (bytes.length >= headerBytes) {
      const length = lengthOf(bytes);
      if (bytes.length < length) break;
      onFrame(bytes.subarray(0, length));
      bytes = bytes.subarray(length);
    }
    rest = bytes.length === 0 ? undefined : bytes;
  });
}
