import { setMaxListeners } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  nacosAvailable,
  type NacosServer,
  realServer,
  recordingLogger,
  startNacos,
  testCertificates,
  waitFor,
} from "@dubbo-ts/testkit";
import { nacosAdmin } from "./nacos-admin.js";
import { type NacosConfig, nacosConfig } from "./nacos-config.js";
import { type NacosNaming, nacosNaming } from "./nacos-naming.js";
import type { NacosOptions } from "./options.js";
import { passwordCredentials } from "./password-credentials.js";
import { Reading } from "./test-support.js";

const forever = new AbortController().signal;
setMaxListeners(0, forever);
const within = (timeoutMs: number) => ({ timeoutMs, intervalMs: 20 });
const { authority, otherAuthority, provider, consumer } = testCertificates;
const own = { cert: consumer.certificate, key: consumer.privateKey };
const tls = { ca: authority, ...own };
const demo = { name: "demo" };

for (const major of [3, 2] as const)
  realServer(`a real Nacos ${major} that asks who is calling, over TLS`, nacosAvailable(major), () => {
    let server: NacosServer;
    let folder: string;
    let closers: AsyncDisposable[] = [];
    const log = recordingLogger();

    beforeAll(async () => {
      folder = await mkdtemp(join(tmpdir(), "nacos-tls-"));
      const file = async (name: string, text: string) => {
        await writeFile(join(folder, name), text);
        return join(folder, name);
      };
      const files = {
        cert: await file("server.crt", provider.certificate),
        key: await file("server.key", provider.privateKey),
        clientCa: await file("ca.crt", authority),
      };
      const options = { "nacos.core.auth.plugin.nacos.token.expire.seconds": "6" };
      server = await startNacos({ major, auth: true, tls: files, options });
      await server.admin.createNamespace("ns1");
      await server.admin.createUser("reader", "reads1");
      await server.admin.createRole("readers", "reader");
      await server.admin.grant("readers", "ns1:*:*", "r");
    }, 300_000);
    afterAll(async () => {
      await server?.[Symbol.asyncDispose]();
      await rm(folder, { recursive: true, force: true });
    }, 30_000);
    afterEach(async () => {
      await Promise.all(closers.map((one) => one[Symbol.asyncDispose]()));
      closers = [];
    });

    const administrator = () => passwordCredentials(server.administrator ?? { username: "", password: "" });
    const settings = (options: Partial<NacosOptions>): NacosOptions => ({
      servers: [server.address],
      tls,
      credentials: administrator(),
      log,
      waitForServerMs: 4_000,
      ...options,
    });
    function naming(options: Partial<NacosOptions> = {}): NacosNaming {
      closers.push(nacosNaming(settings(options)));
      return closers.at(-1) as NacosNaming;
    }
    function config(options: Partial<NacosOptions> = {}): NacosConfig {
      closers.push(nacosConfig(settings(options)));
      return closers.at(-1) as NacosConfig;
    }

    test("tokens of 6 s are renewed, over gRPC and over HTTP, and no request fails for 14 s", async () => {
      const live = async (transport: "grpc" | "http") => {
        const common = { transport, ...(transport === "http" && { tls: false }) };
        const [names, texts] = [naming(common), config(common)];
        const service = { name: `renewed-${transport}` };
        await names.register(service, { ip: "10.0.0.1", port: 1 }, forever);
        const key = { dataId: `renewed-${transport}` };
        const seen = new Reading(texts.watch(key, forever));
        const startMs = performance.now();
        for (let round = 0; performance.now() - startMs < 14_000; round += 1) {
          expect((await names.query(service, forever)).hosts.length).toBeLessThanOrEqual(1);
          await texts.publish(key, `round ${round}`, {}, forever);
          await waitFor(() => seen.last === `round ${round}`, within(20_000));
        }
      };
      await Promise.all([live("grpc"), live("http")]);
      const problems = log.entries.filter(({ level }) => level === "warn" || level === "error");
      expect(problems).toEqual([]);
    }, 120_000);

    test("a wrong password is UNAUTHORIZED and says why; who has no right is told so; nothing is tried for ever", async () => {
      const wrong = naming({
        credentials: passwordCredentials({ username: "nacos", password: "wr0ng-secret" }),
      });
      const refusal = (await wrong.query(demo, forever).catch((error: unknown) => error)) as Error;
      expect(refusal).toMatchObject({ code: "UNAUTHORIZED", serverCode: 403 });
      expect(refusal.message).toContain(`the login of "nacos" was refused`);
      await expect(wrong.register(demo, { ip: "10.0.0.1", port: 1 }, forever)).rejects.toMatchObject({
        code: "UNAUTHORIZED",
      });
      const nobody = naming({ credentials: undefined as never });
      await expect(nobody.query(demo, forever)).rejects.toMatchObject({ code: "UNAUTHORIZED" });
      const reads = { credentials: passwordCredentials({ username: "reader", password: "reads1" }) };
      const [inOwn, inPublic] = [config({ ...reads, namespace: "ns1" }), config(reads)];
      expect(await inOwn.get({ dataId: "k" }, forever)).toBeUndefined();
      for (const denied of [
        () => inOwn.publish({ dataId: "k" }, "v", {}, forever),
        () => inPublic.get({ dataId: "k" }, forever),
      ])
        await expect(denied()).rejects.toMatchObject({ code: "UNAUTHORIZED", serverCode: 403 });
      expect(JSON.stringify(log.entries) + refusal.message).not.toMatch(/wr0ng-secret|secret1|reads1/);
    }, 60_000);

    test("an administrator's requests over HTTP are let in, others are not", async () => {
      const all = await nacosAdmin(settings({})).namespaces(forever);
      expect(all.map(({ id }) => id)).toContain("ns1");
      const stranger = nacosAdmin(settings({ credentials: undefined as never }));
      await expect(stranger.searchConfigs({}, forever)).rejects.toMatchObject({ code: "UNAUTHORIZED" });
    }, 30_000);

    test("who trusts another authority, has no certificate, or speaks no TLS gets no connection, and no plain one", async () => {
      const refused: Record<string, Partial<NacosOptions>> = {
        "another authority": { tls: { ...own, ca: otherAuthority } },
        "no certificate": { tls: { ca: authority } },
        "another name": { tls: { ...tls, serverName: "elsewhere.test" } },
        "no TLS": { tls: false, transport: "grpc" },
      };
      const outcomes = Object.entries(refused).map(async ([what, options]) => {
        const outcome = naming(options).ready(forever);
        return [what, await outcome.catch((error: unknown) => (error as { code: string }).code)];
      });
      const expected = Object.keys(refused).map((what) => [what, "UNAVAILABLE"]);
      expect(await Promise.all(outcomes)).toEqual(expected);
      await naming({ tls: { ...tls, serverName: "provider.test" } }).ready(forever);
    }, 60_000);
  });
