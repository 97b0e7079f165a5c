import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Application, createApplication, type RegistryFactory } from "@dubbo-ts/application";
import { loadConfig } from "@dubbo-ts/config";
import { DisposalScope, RemoteException } from "@dubbo-ts/core";
import { defineService, type Filter, java, method } from "@dubbo-ts/rpc";
import { fileMetadataReport } from "./file-metadata-report.js";
import { fileRegistry } from "./file-registry.js";
import { httpProtocol } from "./http-protocol.js";

const User = java.object("org.example.User", { id: java.long(), born: java.date().nullable() });
const UserProvider = defineService("org.example.UserProvider", {
  getUser: method([java.long()], User.nullable()),
  remove: method([java.long()], java.void()),
  never: method([], java.void()),
});

/** `file://anything:1/path`: the path is what counts. */
const openFiles: RegistryFactory = async ({ address }, runtime) => {
  const scope = new DisposalScope();
  return {
    registry: scope.use(fileRegistry(join(address.path, "instances"), runtime)),
    metadataReport: scope.use(fileMetadataReport(address.path, runtime)),
    loopbackOnly: true,
    [Symbol.asyncDispose]: () => scope[Symbol.asyncDispose](),
  };
};

describe("applications over adapters of one's own: a registry in files, a protocol over HTTP", () => {
  let directory: string;
  const scope = new DisposalScope();
  const seen: string[] = [];

  const open = async (name: string, metadataType: string): Promise<Application> => {
    const log: Filter = (next) => ({
      async invoke(invocation) {
        seen.push(`${name} ${invocation.method}`);
        return next.invoke(invocation);
      },
    });
    const app = await createApplication({
      config: await loadConfig({
        application: { name, "metadata-type": metadataType },
        registries: { files: `file://localhost:1${directory}` },
        protocols: { http: { name: "http", host: "127.0.0.1", port: 0 } },
        cache: { enabled: false },
        shutdown: { grace: 0 },
      }),
      registries: { file: openFiles },
      protocols: { http: async (_, runtime) => httpProtocol(runtime) },
      filters: { provider: [log], consumer: [log] },
    });
    return scope.use(app);
  };

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), "adapters-"));
  });
  afterAll(async () => {
    await scope[Symbol.asyncDispose]();
    await rm(directory, { recursive: true });
  });

  test.each(["local", "remote"])(
    "a consumer finds and calls a provider (metadata %s)",
    async (metadataType) => {
      const provider = await open(`users-${metadataType}`, metadataType);
      const options = { version: metadataType };
      await provider.export(
        UserProvider,
        {
          getUser: (id) => (id === 1n ? { id, born: new Date(0) } : null),
          remove: (id) => {
            throw new RemoteException("org.example.Locked", `user ${id} is locked`, { id });
          },
          never: () => new Promise<void>(() => {}),
        },
        options,
      );
      await provider.start();
      const consumer = await open(`web-${metadataType}`, metadataType);
      const users = await consumer.refer(UserProvider, { ...options, retries: 0 });
      expect(await users.getUser(1n)).toEqual({ id: 1n, born: new Date(0) });
      expect(await users.getUser(2n)).toBeNull();
      await expect(users.remove(1n)).rejects.toMatchObject({
        className: "org.example.Locked",
        fields: { id: 1n },
      });
      await expect(users.never({ timeoutMs: 100 })).rejects.toMatchObject({ code: "CALL_TIMEOUT" });
      expect(seen).toContain(`web-${metadataType} getUser`);
      expect(seen).toContain(`users-${metadataType} getUser`);
      await provider.stop();
      await expect(users.getUser(1n)).rejects.toMatchObject({
        code: expect.stringMatching(/NO_PROVIDER|CONNECT_FAILED/),
      });
    },
  );
});
