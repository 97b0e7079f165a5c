import { type FaultProxy, faultProxy, type ProxyTarget } from "./fault-proxy.js";
import type { FaultHooks, Harness } from "./faults.js";

/** A server that tests treat badly: those of `startZooKeeper`, `startEtcd` and their like are such. */
export interface ProxiedServer extends ProxyTarget {
  kill(signal: "SIGKILL" | "SIGSTOP" | "SIGCONT"): Promise<void>;
  /** Does nothing while it runs. */
  restart(): Promise<void>;
  wipe(): Promise<void>;
}

/**
 * Clients of one server, each behind a proxy of its own, with every fault of a suite. When a test ends the server runs
 * again, for the next one.
 * @param open a client of what listens at `address`, `host:port`.
 */
export function proxiedHarness<Adapter extends AsyncDisposable>(
  server: ProxiedServer,
  open: (address: string) => Promise<Adapter>,
): Harness<Adapter> & { readonly faults: FaultHooks<Adapter> } {
  const proxies = new Map<FaultProxy, Adapter | undefined>();
  let blackhole = false;
  const all = async (act: (proxy: FaultProxy) => PromiseLike<void> | void) => {
    await Promise.all([...proxies.keys()].map(async (proxy) => act(proxy)));
  };
  const faults: FaultHooks<Adapter> = {
    killServer: () => server.kill("SIGKILL"),
    restartServer: () => server.restart(),
    wipeServer: () => server.wipe(),
    pauseServer: () => server.kill("SIGSTOP"),
    resumeServer: () => server.kill("SIGCONT"),
    cutConnections: () => all((proxy) => proxy.cut()),
    async blackhole() {
      blackhole = true;
      await all((proxy) => proxy.setMode("blackhole"));
    },
    async heal() {
      blackhole = false;
      await all((proxy) => proxy.setMode("pass"));
    },
    crashClient: (client) =>
      all((proxy) => (proxies.get(proxy) === client ? proxy.setMode("refuse") : undefined)),
  };
  return {
    faults,
    async open() {
      const proxy = await faultProxy(server);
      proxies.set(proxy, undefined);
      if (blackhole) await proxy.setMode("blackhole");
      const client = await open(proxy.address);
      proxies.set(proxy, client);
      return client;
    },
    openBeside: () => open(`${server.host}:${server.port}`),
    async [Symbol.asyncDispose]() {
      await all((proxy) => proxy[Symbol.asyncDispose]());
      await server.kill("SIGCONT");
      await server.restart();
    },
  };
}
