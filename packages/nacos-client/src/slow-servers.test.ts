import { setMaxListeners } from "node:events";
import { FakeServer } from "./fake-server.js";
import { nacosNaming } from "./nacos-naming.js";
import { quick, Reading, until } from "./test-support.js";

const forever = new AbortController().signal;
setMaxListeners(0, forever);

test("a server that answers one request after the other gets through hundreds of subscriptions, each sent once", async () => {
  const server = await new FakeServer().start();
  let [line, inside, most] = [Promise.resolve(), 0, 0];
  server.intercept = ({ type }) => {
    if (type !== "SubscribeServiceRequest") return undefined;
    most = Math.max(most, ++inside);
    line = line.then(() => new Promise((resolve) => setTimeout(resolve, 5)));
    return line.then(() => {
      inside -= 1;
      return undefined;
    });
  };
  const naming = nacosNaming({ ...quick(server.address), graceMs: 60_000, requestTimeoutMs: 2_000 });
  try {
    await naming.ready(forever);
    const lists = Array.from({ length: 600 }, (_, at) => {
      return new Reading(naming.subscribe({ name: `app${at}` }, forever));
    });
    await until(() => lists.every(({ seen }) => seen.length > 0), 60_000);
    expect(server.of("SubscribeServiceRequest")).toHaveLength(600);
    expect(most).toBe(64);
  } finally {
    await naming.close();
    server.stop();
  }
}, 90_000);
