import { Server, ServerCredentials, type ServiceDefinition, type UntypedHandleCall } from "@grpc/grpc-js";
import { type EtcdClient, openEtcd } from "./index.js";

const bytes = { serialize: (value: Buffer) => value, deserialize: (value: Buffer) => value };
const service: ServiceDefinition = {
  status: {
    path: "/etcdserverpb.Maintenance/Status",
    requestStream: false,
    responseStream: false,
    requestSerialize: bytes.serialize,
    requestDeserialize: bytes.deserialize,
    responseSerialize: bytes.serialize,
    responseDeserialize: bytes.deserialize,
  },
};

/** A server that says of itself to be an etcd of `version`, with a leader, and no more than that. */
async function etcdOf(
  version: string,
  hasHeader = true,
): Promise<{ port: number; asked: () => number } & Disposable> {
  const server = new Server();
  const text = Buffer.from(version);
  // StatusResponse of etcd's rpc.proto: header = 1, version = 2, leader = 4.
  const answer = Buffer.concat([
    Buffer.from([...(hasHeader ? [0x0a, 0] : []), 0x12, text.length]),
    text,
    Buffer.from([0x20, 1]),
  ]);
  let asked = 0;
  const status: UntypedHandleCall = (_: unknown, done: (error: null, value: Buffer) => void) => {
    asked += 1;
    done(null, answer);
  };
  server.addService(service, { status });
  const port = await new Promise<number>((resolve, reject) =>
    server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, bound) =>
      error === null ? resolve(bound) : reject(error),
    ),
  );
  return { port, asked: () => asked, [Symbol.dispose]: () => server.forceShutdown() };
}

/** Runs `work` with a client of that server, which closes afterwards. */
async function withClient(port: number, work: (client: EtcdClient) => Promise<void>): Promise<void> {
  const client = openEtcd({ endpoints: [`127.0.0.1:${port}`] });
  try {
    await work(client);
  } finally {
    await client.close();
  }
}

test.each(["3.2.32", "2.3.8"])("etcd %s is too old: named with its version, at once", async (version) => {
  using server = await etcdOf(version);
  await withClient(server.port, async (client) => {
    await expect(client.ready(AbortSignal.timeout(20_000))).rejects.toMatchObject({
      code: "SERVER_TOO_OLD",
      message: `127.0.0.1:${server.port}: etcd ${version}, at least 3.3 is needed`,
    });
    expect(server.asked()).toBeLessThan(5);
  });
});

test.each(["3.3.0", "3.6.4", "4.0.0-rc.1"])(
  "etcd %s is spoken to, newer ones as today's",
  async (version) => {
    using server = await etcdOf(version);
    await withClient(server.port, async (client) => {
      await client.ready(AbortSignal.timeout(20_000));
      // What such a server should not know any more is an error of its own, by the address.
      await expect(client.get("/a", { signal: AbortSignal.timeout(20_000) })).rejects.toMatchObject({
        code: "NOT_ETCD",
        message: expect.stringContaining(`127.0.0.1:${server.port} is no etcd server`) as string,
      });
    });
  },
);

test("a status without header is no etcd's: an error with a code", async () => {
  using server = await etcdOf("3.4.23", false);
  await withClient(server.port, async (client) => {
    await expect(client.ready(AbortSignal.timeout(20_000))).rejects.toMatchObject({ code: "NOT_ETCD" });
  });
});
