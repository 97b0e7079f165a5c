// Node's half of a cluster with Java: `provider` invites users until SIGTERM, `consumer` asks Java for them.
import { once } from "node:events";
import { parseArgs } from "node:util";
import { type Application, createApplication, RemoteException } from "dubbo-ts";
import { InviteService, UserService } from "./services.js";

const { values, positionals } = parseArgs({
  options: { registry: { type: "string" }, profile: { type: "string" }, port: { type: "string" } },
  allowPositionals: true,
});
const role = positionals[0] ?? "consumer";

await using app = await createApplication({
  name: `node-${role}`,
  registry: values.registry ?? "nacos://127.0.0.1:8848",
  ...(values.profile !== undefined && { profile: values.profile }),
  config: {
    logger: { level: "warn" },
    cache: { enabled: false },
    protocols: { dubbo: { port: Number(values.port ?? 0) } },
  },
});
await (role === "provider" ? provide(app) : consume(app));

async function provide(application: Application): Promise<void> {
  await application.export(InviteService, {
    invite: ({ name, role, born }) =>
      `Dear ${name}, born ${born ?? "one day"}: be our ${role.toLowerCase()}.`,
  });
  await application.start();
  console.log("invitations are served");
  await Promise.race([once(process, "SIGTERM"), once(process, "SIGINT")]);
}

async function consume(application: Application): Promise<void> {
  const users = await application.refer(UserService, { timeoutMs: 3_000 });
  for (const { id, name, born } of await users.all())
    console.log(`${id}: ${name}, born ${born ?? "one day"}`);
  console.log("nobody has the id 7:", await users.find(7n));
  await users.rename(1n, "Ada Lovelace");
  console.log(`renamed: ${(await users.find(1n))?.name}`);
  try {
    await users.rename(7n, "Eve");
  } catch (error) {
    if (!(error instanceof RemoteException)) throw error;
    const { className, detail, fields } = error;
    console.log(`refused: ${className}, ${detail}, id ${String(fields["id"])}`);
  }
}
