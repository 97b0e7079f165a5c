// The consumer of the tour: calls until it is told to stop, and ends with code 1 if one call failed.
import { createApplication, openRegistry } from "dubbo-ts";
import { UserProvider } from "@dubbo-ts/sample-user-api";

const registry = process.argv[process.argv.indexOf("--registry") + 1] ?? "local://127.0.0.1:8848";

/** Prints interface -> application -> instance -> revision -> endpoint, as the registry has it. */
async function showTheWay(): Promise<void> {
  await using backend = await openRegistry(registry);
  const signal = AbortSignal.timeout(5_000);
  const { serviceInterface } = UserProvider;
  const mapping = await backend.metadataReport?.readMapping(serviceInterface, signal);
  for (const application of mapping?.applications ?? []) {
    console.log(`${serviceInterface} -> application ${application}`);
    for (const instance of await backend.registry.get(application, signal)) {
      console.log(`  -> instance ${instance.id} -> revision ${instance.revision}`);
      for (const [protocol, port] of Object.entries(instance.ports))
        console.log(`     -> endpoint ${protocol}://${instance.host}:${port}`);
    }
  }
}

async function main(): Promise<void> {
  await using app = await createApplication({
    name: "tour-consumer",
    registry,
    config: { logger: { level: "warn", format: "pretty" } },
  });
  const users = await app.refer(UserProvider, { protocol: "dubbo" });
  await showTheWay();
  let stopping = false;
  process.once("SIGTERM", () => {
    stopping = true;
  });
  for (const protocol of ["dubbo", "tri"]) {
    const user = await (await app.refer(UserProvider, { protocol })).getUser(1n);
    const born = user?.birthday?.toISOString().slice(0, 10);
    console.log(`getUser(1n) over ${protocol} = ${user?.name}, ${user?.gender}, born ${born}`);
  }
  for (let call = 1; !stopping; call++) {
    const before = performance.now();
    const answer = await users.whoAmI();
    console.log(`call ${String(call).padStart(3)}  ${answer}  ${(performance.now() - before).toFixed(2)} ms`);
    await new Promise((resolve) => setTimeout(resolve, 250));
  }
}

await main().catch((error: unknown) => {
  console.log(`FAILED ${String(error)}`);
  process.exitCode = 1;
});
