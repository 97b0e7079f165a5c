import { createServer } from "node:net";
import { freePort } from "./free-ports.js";

test("finds a port with its neighbours, also where the distance 0 is named", async () => {
  for (const offsets of [[], [0], [0, 1_000], [1_000]]) {
    const port = await freePort(offsets);
    for (const at of new Set([0, ...offsets])) {
      const server = createServer();
      await new Promise<void>((resolve, reject) => {
        server.once("error", reject);
        server.listen(port + at, resolve);
      });
      await new Promise((resolve) => server.close(resolve));
    }
  }
});
