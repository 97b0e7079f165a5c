import { type Application, createApplication, defineService, java, method } from "dubbo-ts";
import { zooKeeperAvailable, realServer, startZooKeeper, type ZooKeeperServer } from "@dubbo-ts/testkit";

const services = ["Alpha", "Beta", "Gamma", "Delta", "Epsilon"].map((name) =>
  defineService(`org.example.${name}`, { echo: method([java.string()], java.string()) }),
);
const [alpha, beta, ...late] = services as [Service, Service, ...Service[]];
type Service = (typeof services)[number];
const echo = { echo: (text: string) => text };

realServer("what ZooKeeper sees of a provider", zooKeeperAvailable(), () => {
  let server: ZooKeeperServer;
  beforeAll(async () => {
    server = await startZooKeeper();
  });
  afterAll(() => server[Symbol.asyncDispose]());

  async function provider(name: string, metadataType: "local" | "remote"): Promise<Application> {
    return createApplication({
      name,
      registry: `zookeeper://${server.address}`,
      config: {
        application: { "metadata-type": metadataType },
        protocols: { dubbo: { name: "dubbo", host: "127.0.0.1", port: 0 } },
        logger: { level: "silent" },
        shutdown: { grace: 0 },
      },
      env: {},
    });
  }

  /** The writes of a kind of node, in the order of their zxids. */
  async function writes(
    pattern: RegExp,
  ): Promise<{ index: number; operation: string; path: string; text: string }[]> {
    return (await server.transactionLog()).flatMap((text, index) => {
      const [, operation = "", path = ""] = /zxid 0x[0-9a-f]+ (\w+) '?(\/[^,\s]*)/.exec(text) ?? [];
      return pattern.test(path) ? [{ index, operation, path, text }] : [];
    });
  }

  test("metadata first, then the mapping of every interface, then one instance", async () => {
    await using app = await provider("ordered-app", "remote");
    for (const service of [alpha, beta]) await app.export(service, echo);
    await app.start();
    const metadata = await writes(/^\/dubbo\/(metadata\/)?ordered-app\/[0-9a-f]{32}$/);
    const mapping = await writes(/^\/dubbo\/mapping\/org\.example\.(Alpha|Beta)$/);
    const instance = await writes(/^\/services\/ordered-app\/[^/]+$/);
    expect(metadata.map(({ path }) => path.replace(/[0-9a-f]{32}$/, "rev")).sort()).toEqual([
      "/dubbo/metadata/ordered-app/rev",
      "/dubbo/ordered-app/rev",
    ]);
    expect(mapping).toHaveLength(2);
    expect(instance).toHaveLength(1);
    const order = [metadata, mapping, instance].map((list) => list.map(({ index }) => index));
    expect(Math.max(...order[0]!)).toBeLessThan(Math.min(...order[1]!));
    expect(Math.max(...order[1]!)).toBeLessThan(order[2]![0]!);
  });

  test("a burst of late exports is one update of the same instance, which is never absent", async () => {
    await using app = await provider("late-app", "remote");
    await app.export(alpha, echo);
    await app.start();
    const handles = await Promise.all(late.map((service) => app.export(service, echo)));
    const node = await writes(/^\/services\/late-app\/[^/]+$/);
    expect(node.map(({ operation }) => operation)).toEqual([expect.stringMatching(/^create/), "setData"]);
    await handles[0]![Symbol.asyncDispose]();
    await handles[1]!.update({ weight: 20 });
    const after = await writes(/^\/services\/late-app\/[^/]+$/);
    expect(after.map(({ operation }) => operation).slice(1)).toEqual(["setData", "setData", "setData"]);
    // Every revision that the node ever showed could be resolved before it was shown.
    const metadata = await writes(/^\/dubbo\/metadata\/late-app\/[0-9a-f]{32}$/);
    expect(metadata.length).toBe(4);
    for (const [update, published] of after.map((one, i) => [one, metadata[i]!] as const))
      expect(published.index).toBeLessThan(update.index);
  });

  test("stopping removes the instance and leaves mapping and metadata", async () => {
    const app = await provider("leaving-app", "local");
    await app.export(alpha, echo);
    await app.start();
    await app.stop();
    await app.stop();
    const node = await writes(/^\/services\/leaving-app\/[^/]+$/);
    expect(node.map(({ operation }) => operation)).toEqual([expect.stringMatching(/^create/), "delete"]);
    expect(await writes(/^\/dubbo\/mapping\/org\.example\.Alpha$/)).not.toContainEqual(
      expect.objectContaining({ operation: "delete" }),
    );
  });
});
