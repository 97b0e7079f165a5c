import { existsSync } from "node:fs";
import { waitFor } from "../wait-for.js";
import { type NacosMajor, nacosAvailable, startNacos } from "./nacos-server.js";
import { realServer } from "./real-server.js";

for (const major of [2, 3] satisfies NacosMajor[])
  realServer(`Nacos ${major} as a child process`, nacosAvailable(major), ({ home }) => {
    test("starts, takes what an operator says, is killed, keeps its data, is wiped, and leaves nothing behind", async () => {
      expect(existsSync(home)).toBe(true);
      await using server = await startNacos({ major, auth: true });
      const { admin, pid } = server;
      expect([server.url, server.grpcPort]).toEqual([`nacos://127.0.0.1:${server.port}`, server.port + 1000]);
      await admin.createNamespace("ns1");
      expect([...(await admin.namespaces())].sort()).toEqual(["ns1", "public"]);
      await admin.createUser("reader", "reads1");
      await admin.createRole("readers", "reader");
      await admin.grant("readers", "ns1:*:*", "r");
      await admin.call("POST", "v1/ns/instance", { serviceName: "demo", ip: "10.0.0.1", port: 80 });
      const listed = () => admin.instances({ serviceName: "demo" });
      await waitFor(async () => (await listed()).length === 1);
      await admin.updateInstance({ serviceName: "demo", ip: "10.0.0.1", port: 80, weight: 3 });
      await waitFor(async () => (await listed())[0]?.weight === 3);
      await admin.setProtectThreshold({ serviceName: "demo" }, 0.5);
      await expect(admin.call("GET", "v1/no/such/thing")).rejects.toThrow(/Nacos answered [45]/);
      await server.kill("SIGKILL");
      await server.restart();
      expect(server.pid).not.toBe(pid);
      expect(await admin.namespaces()).toContain("ns1");
      await server.kill("SIGTERM");
      await server.wipe();
      await server.restart();
      expect(await admin.namespaces()).toEqual(["public"]);
      await server[Symbol.asyncDispose]();
      await server[Symbol.asyncDispose]();
      expect(server.pid).toBeUndefined();
    }, 400_000);
  });
