import { type FaultMode, type FaultProxy, faultProxy, type ProxyTarget } from "./fault-proxy.js";
import type { FaultHooks, Harness } from "./faults.js";

/** A server that tests treat badly: those of `startZooKeeper`, `startEtcd` and their like are such. */
export interface ProxiedServer extends ProxyTarget {
  kill(signal: "SIGKILL" | "SIGSTOP" | "SIGCONT"): Promise<void>;
  /** Does nothing while it runs. */
  restart(): Promise<void>;
  wipe(): Promise<void>;
}

/** How a {@link proxiedHarness} goes about it. */
export interface ProxiedHarnessOptions {
  /**
   * True: a killed server is what its clients see of one, connections that end and are refused. The process runs on, and is
   * really killed only where it is to be wiped: for servers that take long to start. Default false.
   */
  readonly killsLinksOnly?: boolean;
}

/**
 * Clients of one server, each behind a proxy of its own, with every fault of a suite. When a test ends the server runs
 * again, for the next one.
 * @param open a client of what listens at `address`, `host:port`.
 */
export function proxiedHarness<Adapter extends AsyncDisposable>(
  server: ProxiedServer,
  open: (address: string) => Promise<Adapter>,
  { killsLinksOnly = false }: ProxiedHarnessOptions = {},
): Harness<Adapter> & { readonly faults: FaultHooks<Adapter> } {
  const proxies = new Map<FaultProxy, Adapter | undefined>();
  let mode: FaultMode = "pass";
  const all = async (act: (proxy: FaultProxy) => PromiseLike<void> | void) => {
    await Promise.all([...proxies.keys()].map(async (proxy) => act(proxy)));
  };
  const setMode = async (next: FaultMode) => {
    mode = next;
    await all((proxy) => proxy.setMode(next));
  };
  const faults: FaultHooks<Adapter> = {
    killServer: () => (killsLinksOnly ? setMode("refuse") : server.kill("SIGKILL")),
    async restartServer() {
      await server.restart();
      if (killsLinksOnly) await setMode("pass");
    },
    async wipeServer() {
      await server.kill("SIGKILL");
      await server.wipe();
    },
    pauseServer: () => server.kill("SIGSTOP"),
    resumeServer: () => server.kill("SIGCONT"),
    cutConnections: () => all((proxy) => proxy.cut()),
    blackhole: () => setMode("blackhole"),
    heal: () => setMode("pass"),
    crashClient: (client) =>
      all((proxy) => (proxies.get(proxy) === client ? proxy.setMode("refuse") : undefined)),
  };
  return {
    faults,
    async open() {
      const proxy = await faultProxy(server);
      proxies.set(proxy, undefined);
      if (mode !== "pass") await proxy.setMode(mode);
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
