import { type EtcdClient, openEtcd } from "./index.js";
import { scriptedEtcd, statusAnswer } from "./test-support.js";

/** A server that says of itself to be an etcd of `version`, with a leader, and no more than that. */
const etcdOf = (version: string) => scriptedEtcd({ "Maintenance/Status": () => [statusAnswer(version)] });

/** Runs `work` with a client of that server, which closes afterwards. */
async function withClient(endpoint: string, work: (client: EtcdClient) => Promise<void>): Promise<void> {
  const client = openEtcd({ endpoints: [endpoint] });
  try {
    await work(client);
  } finally {
    await client.close();
  }
}

test.each(["3.2.32", "2.3.8"])("etcd %s is too old: named with its version, at once", async (version) => {
  using server = await etcdOf(version);
  await withClient(server.endpoint, async (client) => {
    await expect(client.ready(AbortSignal.timeout(20_000))).rejects.toMatchObject({
      code: "SERVER_TOO_OLD",
      message: `${server.endpoint}: etcd ${version}, at least 3.3 is needed`,
    });
    expect(server.asked("Maintenance/Status")).toBeLessThan(5);
  });
});

test.each(["3.3.0", "3.6.4", "4.0.0-rc.1"])(
  "etcd %s is spoken to, newer ones as today's",
  async (version) => {
    using server = await etcdOf(version);
    await withClient(server.endpoint, async (client) => {
      await client.ready(AbortSignal.timeout(20_000));
      // What such a server should not know any more is an error of its own, by the address.
      await expect(client.get("/a", { signal: AbortSignal.timeout(20_000) })).rejects.toMatchObject({
        code: "NOT_ETCD",
        message: expect.stringContaining(`${server.endpoint} is no etcd server`) as string,
      });
    });
  },
);
