import { createHash } from "node:crypto";
import { ServiceNameMapping } from "@dubbo-ts/metadata";
import { type NacosAdmin, type NacosConfig, NacosError } from "@dubbo-ts/nacos-client";
import { fakeClock } from "@dubbo-ts/testkit";
import { silentLogger, systemRuntime } from "@dubbo-ts/core";
import { NacosMetadataReport } from "./nacos-metadata-report.js";

const never = new AbortController().signal;
const valueOf = (content: string) => ({ content, md5: createHash("md5").update(content).digest("hex") });

/**
 * A server whose database has a mapping that it does not hand out, as 3.1.0 was seen to after an insert that got no lock
 * for its history: conditional writes are compared with the database, and what is written is handed out.
 */
class HalfWritten {
  served: string | undefined;
  publishes = 0;
  looks = 0;

  constructor(private stored: string | undefined) {}

  readonly config = {
    get: async () => this.served && valueOf(this.served),
    publish: async (_key: unknown, content: string, { casMd5 }: { casMd5: string }) => {
      this.publishes += 1;
      if (casMd5 !== (this.stored === undefined ? "0" : valueOf(this.stored).md5)) return false;
      this.served = this.stored = content;
      return true;
    },
  } as unknown as NacosConfig;

  readonly admin = {
    stored: async () => {
      this.looks += 1;
      return this.stored && valueOf(this.stored);
    },
  } as unknown as NacosAdmin;
}

function mappingOver(config: NacosConfig, admin: NacosAdmin | undefined) {
  const clock = fakeClock();
  const runtime = { ...systemRuntime, clock, log: silentLogger };
  const report = new NacosMetadataReport({
    name: "nacos://half",
    config,
    admin,
    legacyGroup: "DEFAULT_GROUP",
    runtime,
  });
  return { clock, report, mapping: new ServiceNameMapping({ reports: [report], runtime }) };
}

test("a mapping of which the server's database has more than it hands out is read there and completed", async () => {
  const server = new HalfWritten("java-app");
  const { clock, mapping } = mappingOver(server.config, server.admin);
  const added = mapping.add("org.example.Orders", "node-app", never);
  await clock.advance(3_000);
  await added;
  expect(server.served?.split(",").sort()).toEqual(["java-app", "node-app"]);
  expect([server.publishes, server.looks]).toEqual([2, 1]);
});

test("a mapping that the database has lost is written though an old one is handed out", async () => {
  const server = new HalfWritten(undefined);
  server.served = "java-app";
  const { clock, mapping } = mappingOver(server.config, server.admin);
  const added = mapping.add("org.example.Orders", "node-app", never);
  await clock.advance(3_000);
  await added;
  expect(server.served).toBe("node-app");
});

test("who may not look there goes by what is handed out, and does not look before a write has lost", async () => {
  const server = new HalfWritten(undefined);
  const refuse = async () => Promise.reject(new NacosError("UNAUTHORIZED", "not allowed"));
  const { report } = mappingOver(server.config, { stored: refuse } as unknown as NacosAdmin);
  const next = { applications: new Set(["node-app"]), version: "of somebody else" };
  expect(await report.writeMapping("org.example.Orders", next, never)).toBe(false);
  expect(await report.readMapping("org.example.Orders", never)).toEqual({
    applications: new Set(),
    version: undefined,
  });
  const other = new HalfWritten("java-app");
  expect(await mappingOver(other.config, other.admin).report.readMapping("a.B", never)).toMatchObject({
    version: undefined,
  });
  expect(other.looks).toBe(0);
});
