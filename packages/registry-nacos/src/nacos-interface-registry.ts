import { setMaxListeners } from "node:events";
import { deadline, Latest, RegistryError, type Runtime, type ServiceKey, sleep } from "@dubbo-ts/core";
import {
  type InterfaceRegistration,
  type InterfaceRegistry,
  matchesKey,
  type ServiceUrl,
  type ServiceUrlSet,
  serviceUrlId,
} from "@dubbo-ts/discovery";
import type { NacosNaming, ServiceName } from "@dubbo-ts/nacos-client";
import { registryError } from "./errors.js";
import { hostOfUrl, HostUrls } from "./host-urls.js";
import { keyOfName, namesOf, registeredName } from "./interface-names.js";

/** What {@link NacosInterfaceRegistry} needs. */
export interface NacosInterfaceRegistryOptions {
  readonly name: string;
  readonly naming: NacosNaming;
  /** True: it is closed with this. */
  readonly owned: boolean;
  readonly runtime: Runtime;
  readonly group: string;
  readonly cluster: string;
  readonly applicationsPollMs: number;
}

/** What a farewell may take (registries F4, 9). */
const leaveMs = 2_000;

/**
 * The {@link InterfaceRegistry} on Nacos: `providers:{interface}:{version}:{group}`, ephemeral instances whose metadata
 * are the URL's parameters (app-level discovery 11.2). A service that is served over two protocols on one port is one
 * instance there: dubbo is the one that is registered.
 */
export class NacosInterfaceRegistry implements InterfaceRegistry {
  readonly name: string;
  readonly #options: NacosInterfaceRegistryOptions;
  /** By service and address: all who registered there. */
  readonly #held = new Map<string, Map<object, ServiceUrl>>();
  readonly #closing = new AbortController();
  #closed: Promise<void> | undefined;

  /** Use {@link openNacos}. */
  constructor(options: NacosInterfaceRegistryOptions) {
    this.name = options.name;
    this.#options = options;
    setMaxListeners(0, this.#closing.signal); // one for each registration that is under way
  }

  async register(url: ServiceUrl, signal: AbortSignal): Promise<InterfaceRegistration> {
    signal.throwIfAborted();
    const holder = {};
    const key = `${registeredName(url.key)}@${url.host}:${url.port}`;
    await this.#announce(key, holder, url, signal);
    let gone = false;
    return {
      update: async (next, updateSignal) => {
        if (serviceUrlId(next) !== serviceUrlId(url))
          throw new RegistryError("INSTANCE_INVALID", `${serviceUrlId(next)} is another registration`);
        if (gone) throw new RegistryError("REGISTRY_REFUSED", `${serviceUrlId(url)} is withdrawn`);
        await this.#announce(key, holder, next, updateSignal);
      },
      [Symbol.asyncDispose]: async () => {
        if (gone) return;
        gone = true;
        await this.#release(key, holder);
      },
    };
  }

  async get(service: ServiceKey, signal: AbortSignal): Promise<readonly ServiceUrl[]> {
    signal.throwIfAborted();
    const { naming, runtime } = this.#options;
    try {
      const either = AbortSignal.any([signal, this.#closing.signal]);
      const names = await this.#names(service, either);
      const lists = await Promise.all(
        names.map(async (name) => {
          const { hosts } = await naming.query(this.#service(name), either);
          return new HostUrls(name, runtime.log).read(hosts);
        }),
      );
      return lists.flat();
    } catch (error) {
      throw registryError(this.name, error);
    }
  }

  async *watch(service: ServiceKey, signal: AbortSignal): AsyncGenerator<ServiceUrlSet, void, undefined> {
    const ending = new AbortController();
    const either = AbortSignal.any([signal, this.#closing.signal, ending.signal]);
    const latest = new Latest<ServiceUrlSet>(either);
    const sets = new Map<string, ServiceUrlSet | undefined>();
    const follow = async (name: string): Promise<void> => {
      const reader = new HostUrls(name, this.#options.runtime.log);
      for await (const { hosts, settled } of this.#options.naming.subscribe(this.#service(name), either)) {
        sets.set(name, { urls: reader.read(hosts), settled });
        const all = [...sets.values()].filter((set) => set !== undefined);
        if (all.length < sets.size) continue;
        latest.set({ urls: all.flatMap(({ urls }) => urls), settled: all.every((set) => set.settled) });
      }
    };
    const loops = new Set<Promise<void>>();
    const open = (names: readonly string[]) => {
      for (const name of names.filter((one) => !sets.has(one))) sets.set(name, undefined);
      for (const [name, set] of sets)
        if (set === undefined && names.includes(name))
          loops.add(follow(name).catch((error: unknown) => latest.fail(error)));
      if (sets.size === 0) latest.set({ urls: [], settled: true });
    };
    loops.add(this.#followNames(service, open, either));
    try {
      yield* latest;
    } catch (error) {
      if (!either.aborted) throw registryError(this.name, error);
    } finally {
      ending.abort();
      await Promise.all(loops);
    }
  }

  async interfaces(signal: AbortSignal): Promise<readonly string[]> {
    signal.throwIfAborted();
    const { naming, group } = this.#options;
    try {
      const keys = (await naming.services(signal, group)).map(keyOfName);
      return [...new Set(keys.flatMap((key) => key?.serviceInterface ?? []))].sort();
    } catch (error) {
      throw registryError(this.name, error);
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    const closed = new RegistryError("REGISTRY_UNAVAILABLE", `${this.name}: the registry was closed`);
    const held = [...this.#held].flatMap(([key, holders]) =>
      [...holders.keys()].map((one) => [key, one] as const),
    );
    await Promise.all(held.map(([key, holder]) => this.#release(key, holder)));
    this.#closing.abort(closed);
    if (this.#options.owned) await this.#options.naming.close();
  }

  /** Tells `open` the names under which providers of `service` are, again and again where they are not known beforehand. */
  async #followNames(
    service: ServiceKey,
    open: (names: readonly string[]) => void,
    signal: AbortSignal,
  ): Promise<void> {
    const { runtime, applicationsPollMs } = this.#options;
    const names = namesOf(service);
    if (names !== undefined) return open(names);
    const known = new Set<string>();
    for (let first = true; !signal.aborted; ) {
      const found = await this.#names(service, signal).catch((err: unknown) => {
        if (!signal.aborted)
          runtime.log.debug({ err, registry: this.name }, "the names of services cannot be read");
        return undefined;
      });
      const fresh = found?.filter((name) => !known.has(name)) ?? [];
      for (const name of fresh) known.add(name);
      if (found !== undefined && (first || fresh.length > 0)) open(fresh);
      first &&= found === undefined;
      const pauseMs = applicationsPollMs * (0.75 + runtime.random() / 2);
      await sleep(runtime.clock, pauseMs, signal, { background: true }).catch(() => {});
    }
  }

  async #names(service: ServiceKey, signal: AbortSignal): Promise<readonly string[]> {
    const names = namesOf(service);
    if (names !== undefined) return names;
    const { naming, group } = this.#options;
    return (await naming.services(signal, group)).filter((name) => {
      const key = keyOfName(name);
      return key !== undefined && matchesKey(service, key);
    });
  }

  async #announce(key: string, holder: object, url: ServiceUrl, signal: AbortSignal): Promise<void> {
    const holders = this.#held.get(key) ?? new Map<object, ServiceUrl>();
    this.#held.set(key, holders);
    const before = holders.get(holder);
    holders.set(holder, url);
    try {
      await this.#send(holders, signal);
    } catch (error) {
      if (holders.get(holder) === url) {
        if (before === undefined) holders.delete(holder);
        else holders.set(holder, before);
      }
      if (holders.size === 0 && this.#held.get(key) === holders) this.#held.delete(key);
      const { state } = this.#options.naming;
      if (!signal.aborted || error !== signal.reason || state.status === "connected")
        throw registryError(this.name, error);
      const what = `${this.name}: ${serviceUrlId(url)} is not registered`;
      const why = state.lastError?.message ?? "no server has answered";
      const code = state.lastError?.code === "NOT_NACOS" ? "REGISTRY_WRONG_SERVER" : "REGISTRY_UNAVAILABLE";
      throw new RegistryError(code, `${what}: ${why}`, { cause: error });
    }
  }

  async #send(holders: ReadonlyMap<object, ServiceUrl>, signal: AbortSignal): Promise<void> {
    const url = chosen([...holders.values()]);
    if (url === undefined) return;
    const { naming, cluster, runtime } = this.#options;
    const host = hostOfUrl(url, cluster, runtime.log);
    const either = AbortSignal.any([signal, this.#closing.signal]);
    await naming.register(this.#service(registeredName(url.key)), host, either);
  }

  async #release(key: string, holder: object): Promise<void> {
    const holders = this.#held.get(key);
    const url = holders?.get(holder);
    if (holders === undefined || url === undefined) return;
    holders.delete(holder);
    const { naming, cluster: clusterName, runtime } = this.#options;
    const late = () => new Error(`no answer in ${leaveMs} ms`);
    using limit = deadline(runtime.clock, leaveMs, late, this.#closing.signal);
    try {
      if (holders.size > 0) return await this.#send(holders, limit.signal);
      this.#held.delete(key);
      const { host: ip, port } = url;
      await naming.deregister(
        this.#service(registeredName(url.key)),
        { ip, port, clusterName },
        limit.signal,
      );
    } catch (error) {
      // Not wanted any more all the same: the client goes on trying, and the connection's end removes it too.
      const fields = { err: error, registry: this.name, service: key };
      if (!this.#closing.signal.aborted) runtime.log.warn(fields, "withdrawing a service takes long");
    }
  }

  #service(name: string): ServiceName {
    return { name, group: this.#options.group };
  }
}

/** Of several protocols on one port the one that consumers of Dubbo 2 speak; else whoever came last. */
function chosen(urls: readonly ServiceUrl[]): ServiceUrl | undefined {
  return urls.findLast(({ protocol }) => protocol === "dubbo") ?? urls.at(-1);
}
