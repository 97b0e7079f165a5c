import { Load, type NacosMajor, nacosAvailable, realServer, startNacos, waitFor } from "@dubbo-ts/testkit";
import { createApplication } from "dubbo-ts";
import { Worker } from "./programs.js";

for (const major of [3, 2] satisfies NacosMajor[])
  realServer(`Nacos ${major} under an application`, nacosAvailable(major), () => {
    test("is killed and started again under 200 calls/s, and no call fails; the end of the last provider is seen in 5 s", async () => {
      await using server = await startNacos({ major });
      const open = (name: string) =>
        createApplication({
          name,
          registry: server.url,
          config: {
            logger: { level: "silent" },
            cache: { enabled: false },
            protocols: { dubbo: { port: 0, host: "127.0.0.1" } },
          },
          env: {},
        });
      await using consumer = await open("nacos-consumer");
      await using provider = await open("nacos-provider");
      await provider.export(Worker, { whoAmI: async () => 1, work: async () => "done" });
      await provider.start();
      const worker = await consumer.refer(Worker);
      await waitFor(async () => (await worker.whoAmI()) === 1, { timeoutMs: 20_000, intervalMs: 100 });
      const load = new Load(() => worker.whoAmI(), 200);
      await waitFor(() => load.answered > 100, { timeoutMs: 10_000 });
      await server.kill("SIGKILL");
      await new Promise((resolve) => setTimeout(resolve, 2_000)); // the outage itself
      await server.restart();
      const isBack = async () =>
        (await server.admin.instances({ serviceName: "nacos-provider" })).length === 1;
      await waitFor(isBack, { timeoutMs: 30_000, intervalMs: 100, what: "the provider's registration" });
      const answered = load.answered;
      await waitFor(() => load.answered > answered + 2_400, { timeoutMs: 40_000 }); // longer than any grace
      await load.stop();
      expect(load.failures).toEqual([]);

      const startMs = performance.now();
      await provider.stop();
      const fails = () =>
        worker.whoAmI().then(
          () => false,
          (error: { code?: string }) => error.code === "NO_PROVIDER",
        );
      await waitFor(fails, { timeoutMs: 20_000, intervalMs: 50, what: "NO_PROVIDER" });
      expect(performance.now() - startMs).toBeLessThan(5_000);
    }, 400_000);
  });
