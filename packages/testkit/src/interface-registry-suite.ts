import { serviceKey } from "@dubbo-ts/core";
import { type InterfaceRegistry, type ServiceUrl, serviceUrl, type ServiceUrlSet } from "@dubbo-ts/discovery";
import { faultsOf, type Harness, type SuiteOptions, suiteDefaults } from "./faults.js";
import type { Followed } from "./follow.js";
import { codeOf, suiteCheck, within } from "./suite-check.js";
import { waitFor } from "./wait-for.js";

/** A provider URL with Java's parameters; what is given wins. */
export function sampleServiceUrl(
  options: Partial<Omit<ServiceUrl, "key">> & { readonly serviceInterface: string },
): ServiceUrl {
  const { serviceInterface, protocol = "dubbo", host = "10.0.0.1", port = 20_880, params = {} } = options;
  const usual = {
    application: "sample-app",
    interface: serviceInterface,
    side: "provider",
    dubbo: "2.0.2",
    release: "3.3.6",
    methods: "hello,bye",
    timestamp: "1700000000000",
  };
  return serviceUrl({ protocol, host, port, path: serviceInterface, params: { ...usual, ...params } });
}

/** What a URL says, without what a registry adds. */
function said({ protocol, host, port, key, params }: ServiceUrl) {
  const { category: _category, path: _path, ...own } = params;
  return { protocol, host, port, service: key.text, params: { ...own } };
}

/**
 * The contract of `InterfaceRegistry` as jest tests, faults included: an adapter is done when they pass. Call it at
 * the top level of a test file. `factory` gives one server and clients of it, anew for each test.
 */
export function interfaceRegistrySuite(
  name: string,
  factory: () => Promise<Harness<InterfaceRegistry>>,
  options: SuiteOptions = {},
): void {
  const { lacks, propagationMs, recoveryMs, sessionMs } = suiteDefaults(options);
  const check = suiteCheck(factory, lacks);
  const shows = (seen: Followed<ServiceUrlSet>, ports: readonly number[], timeoutMs = propagationMs) =>
    waitFor(() => same(portsOf(seen.latest?.urls), ports), {
      timeoutMs,
      what: () => `the ports ${ports.join()}; last seen: ${portsOf(seen.latest?.urls).join()}`,
    });

  describe(`${name} as a registry by interface`, () => {
    check(
      "shows what another client registers, every parameter of it, and again when it is gone",
      async (at) => {
        const [provider, consumer] = [await at.client(), await at.client()];
        const serviceInterface = `${at.name("org.example")}.Greeter`;
        const params = {
          group: "g1",
          version: "1.2.3",
          "hello.timeout": "500",
          note: "größer 漢字 a+b *~'()!",
        };
        const url = sampleServiceUrl({ serviceInterface, params });
        const seen = at.follow(consumer.watch(url.key, at.signal));
        const registration = await provider.register(url, at.signal);
        await shows(seen, [20_880]);
        expect(seen.latest?.urls.map(said)).toEqual([said(url)]);
        await waitFor(async () => (await consumer.get(url.key, at.signal)).length === 1, {
          timeoutMs: propagationMs,
        });
        expect((await consumer.get(url.key, at.signal)).map(said)).toEqual([said(url)]);
        expect(await consumer.interfaces(at.signal)).toContain(serviceInterface);
        await registration[Symbol.asyncDispose]();
        await shows(seen, []);
      },
    );

    check("gives nothing for an interface that nobody registered", async (at) => {
      const consumer = await at.client();
      const service = serviceKey(`${at.name("org.example")}.Nobody`);
      expect(await consumer.get(service, at.signal)).toEqual([]);
      const seen = at.follow(consumer.watch(service, at.signal));
      await waitFor(() => seen.latest !== undefined, { timeoutMs: propagationMs });
      expect(seen.latest?.urls).toEqual([]);
    });

    check("keeps two protocols of one service, and two services of one process, apart", async (at) => {
      const provider = await at.client();
      const [one, other] = [`${at.name("org.example")}.One`, `${at.name("org.example")}.Other`];
      for (const url of [
        sampleServiceUrl({ serviceInterface: one, protocol: "dubbo", port: 20_880 }),
        sampleServiceUrl({ serviceInterface: one, protocol: "tri", port: 50_051 }),
        sampleServiceUrl({ serviceInterface: other, protocol: "dubbo", port: 20_880 }),
      ])
        await provider.register(url, at.signal);
      const consumer = await at.client();
      const seen = at.follow(consumer.watch(serviceKey(one), at.signal));
      await shows(seen, [20_880, 50_051]);
      expect(seen.latest?.urls.map(({ protocol }) => protocol).sort()).toEqual(["dubbo", "tri"]);
      await shows(at.follow(consumer.watch(serviceKey(other), at.signal)), [20_880]);
    });

    check("finds every version and group where a pattern is asked for", async (at) => {
      const provider = await at.client();
      const serviceInterface = `${at.name("org.example")}.Many`;
      const register = (port: number, version: string, group: string) =>
        provider.register(
          sampleServiceUrl({ serviceInterface, port, params: { version, group } }),
          at.signal,
        );
      await register(20_001, "1.0.0", "a");
      await register(20_002, "2.0.0", "a");
      const any = at.follow(
        (await at.client()).watch(serviceKey(serviceInterface, { version: "*", group: "*" }), at.signal),
      );
      await shows(any, [20_001, 20_002], recoveryMs);
      await register(20_003, "2.0.0", "b");
      await shows(any, [20_001, 20_002, 20_003], recoveryMs);
    });

    check("updates without a moment of absence, and the later update wins", async (at) => {
      const serviceInterface = `${at.name("org.example")}.Greeter`;
      const url = (weight: string) => sampleServiceUrl({ serviceInterface, params: { weight } });
      const registration = await (await at.client()).register(url("100"), at.signal);
      const seen = at.follow((await at.client()).watch(serviceKey(serviceInterface), at.signal));
      await shows(seen, [20_880]);
      const before = seen.values.length;
      for (const weight of ["1", "2", "3"]) await registration.update(url(weight), at.signal);
      await waitFor(() => seen.latest?.urls.length === 1 && seen.latest.urls[0]?.params["weight"] === "3", {
        timeoutMs: propagationMs,
        what: "the last weight alone",
      });
      expect(seen.values.slice(before).filter(({ urls }) => urls.length === 0)).toEqual([]);
    });

    check("withdraws what is registered when a client is disposed, twice without harm", async (at) => {
      const serviceInterface = `${at.name("org.example")}.Greeter`;
      const provider = await at.client();
      const registration = await provider.register(sampleServiceUrl({ serviceInterface }), at.signal);
      const seen = at.follow((await at.client()).watch(serviceKey(serviceInterface), at.signal));
      await shows(seen, [20_880]);
      await within(5_000, () => Promise.all([provider, provider].map((one) => one[Symbol.asyncDispose]())));
      await registration[Symbol.asyncDispose]();
      await shows(seen, []);
    });

    check("rejects with the signal's reason, and ends a watch with its signal", async (at) => {
      const client = await at.client();
      const service = serviceKey(`${at.name("org.example")}.Greeter`);
      const reason = new Error("not any more");
      await expect(client.get(service, AbortSignal.abort(reason))).rejects.toBe(reason);
      await expect(client.interfaces(AbortSignal.abort(reason))).rejects.toBe(reason);
      const stop = new AbortController();
      const seen = at.follow(client.watch(service, stop.signal));
      await waitFor(() => seen.latest !== undefined, { timeoutMs: propagationMs });
      stop.abort();
      await within(2_000, () => seen.done);
    });

    check(
      "keeps its providers through a kill and a restart of the server, with no empty set that is settled",
      async (at) => {
        const faults = faultsOf(at.harness, "kill");
        const serviceInterface = `${at.name("org.example")}.Greeter`;
        await (await at.client()).register(sampleServiceUrl({ serviceInterface }), at.signal);
        const seen = at.follow((await at.client()).watch(serviceKey(serviceInterface), at.signal));
        await shows(seen, [20_880]);
        await faults.killServer();
        await faults.restartServer();
        const fresh = await at.client();
        const isBack = async () => (await fresh.get(serviceKey(serviceInterface), at.signal)).length === 1;
        await waitFor(isBack, { timeoutMs: recoveryMs, what: "the provider" });
        await shows(seen, [20_880], recoveryMs);
        expect(seen.values.filter(({ urls, settled }) => settled && urls.length === 0)).toEqual([]);
      },
      "kill",
    );

    check(
      "registers once more after the server was away longer than a session",
      async (at) => {
        const faults = faultsOf(at.harness, "kill");
        const serviceInterface = `${at.name("org.example")}.Greeter`;
        await (await at.client()).register(sampleServiceUrl({ serviceInterface }), at.signal);
        const seen = at.follow((await at.client()).watch(serviceKey(serviceInterface), at.signal));
        await shows(seen, [20_880]);
        await faults.killServer();
        await new Promise((resolve) => setTimeout(resolve, sessionMs * 1.5));
        await faults.restartServer();
        const fresh = await at.client();
        const isBack = async () => (await fresh.get(serviceKey(serviceInterface), at.signal)).length === 1;
        await waitFor(isBack, { timeoutMs: recoveryMs, what: "the provider" });
        await shows(seen, [20_880], recoveryMs);
      },
      "kill",
    );

    check(
      "brings its providers back after the server was wiped",
      async (at) => {
        const faults = faultsOf(at.harness, "wipe");
        const serviceInterface = `${at.name("org.example")}.Greeter`;
        await (await at.client()).register(sampleServiceUrl({ serviceInterface }), at.signal);
        await faults.killServer();
        await faults.wipeServer();
        await faults.restartServer();
        const seen = at.follow((await at.client()).watch(serviceKey(serviceInterface), at.signal));
        await shows(seen, [20_880], recoveryMs);
      },
      "wipe",
    );

    check(
      "bounds a registration in a black hole, and says that the server is not there",
      async (at) => {
        const faults = faultsOf(at.harness, "blackhole");
        await faults.blackhole();
        const client = await at.client();
        const url = sampleServiceUrl({ serviceInterface: `${at.name("org.example")}.Greeter` });
        const registering = client.register(url, AbortSignal.timeout(800));
        expect(await within(10_000, () => codeOf(registering))).toBe("REGISTRY_UNAVAILABLE");
        await faults.heal();
      },
      "blackhole",
    );

    check(
      "forgets whom it does not hear any more",
      async (at) => {
        const faults = faultsOf(at.harness, "crash");
        const serviceInterface = `${at.name("org.example")}.Greeter`;
        const [crashing, staying] = [await at.client(), await at.client()];
        await crashing.register(sampleServiceUrl({ serviceInterface, port: 20_001 }), at.signal);
        await staying.register(sampleServiceUrl({ serviceInterface, port: 20_002 }), at.signal);
        const seen = at.follow((await at.client()).watch(serviceKey(serviceInterface), at.signal));
        await shows(seen, [20_001, 20_002]);
        await faults.crashClient(crashing);
        await shows(seen, [20_002], sessionMs * 3 + recoveryMs);
      },
      "crash",
    );
  });
}

function portsOf(urls: readonly ServiceUrl[] | undefined): readonly number[] {
  return (urls ?? []).map(({ port }) => port).sort((a, b) => a - b);
}

function same(a: readonly unknown[], b: readonly unknown[]): boolean {
  return a.length === b.length && a.every((one, index) => one === b[index]);
}
