import { createServer } from "node:net";

/** Below those that the system gives to outgoing connections: a server that was killed finds its own free again. */
const range = { first: 15_000, last: 31_000 } as const;

/** A port that is free now on all addresses, and so are those at these distances from it. */
export async function freePort(offsets: readonly number[] = []): Promise<number> {
  for (let attempt = 0; attempt < 100; attempt += 1) {
    const port = range.first + Math.floor(Math.random() * (range.last - range.first));
    const wanted = [...new Set([0, ...offsets])];
    const free = await Promise.all(wanted.map((offset) => isFree(port + offset)));
    if (free.every(Boolean)) return port;
  }
  throw new Error("no free port found");
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(false));
    server.listen(port, () => server.close(() => resolve(true)));
  });
}
