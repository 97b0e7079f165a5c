// Node's half of a cluster with Go: `provider` serves prices until SIGTERM, `consumer` asks Go for its stock.
import { once } from "node:events";
import { parseArgs } from "node:util";
import { type Application, createApplication, hasCode } from "dubbo-ts";
import { PriceService, StockService } from "./services.js";

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
  await application.export(PriceService, {
    price: (sku, count) => ((sku === "tea" ? 4.5 : 12) * count).toFixed(2),
  });
  await application.start();
  console.log("prices are served");
  await Promise.race([once(process, "SIGTERM"), once(process, "SIGINT")]);
}

async function consume(application: Application): Promise<void> {
  const stock = await application.refer(StockService, { timeoutMs: 3_000 });
  const item = await stock.find("tea");
  console.log(`${item?.name}: ${item?.count} left`);
  console.log(`nothing is known of "coal": ${JSON.stringify(await stock.find("coal"))}`);
  console.log(`2 reserved, ${await stock.reserve("tea", 2)} left`);
  try {
    await stock.reserve("tea", 1_000);
  } catch (error) {
    if (!hasCode(error, "REMOTE_EXCEPTION")) throw error;
    console.log(`refused: ${error.message}`);
  }
}
