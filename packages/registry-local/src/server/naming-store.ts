import { type Clock, sleep, type Timer } from "@dubbo-ts/core";
import type { Connection } from "./connection.js";
import type { Faults } from "./faults.js";
import type { Hold } from "./hold.js";
import { type Body, HandlerError } from "./messages.js";

/** The name of a service. An empty namespace is not `public` (nacos-server 8). */
export interface ServiceName {
  readonly namespace: string;
  readonly group: string;
  readonly name: string;
}

/** One instance as clients get it. */
export type Host = Body & {
  readonly ip: string;
  readonly port: number;
  readonly weight: number;
  readonly enabled: boolean;
  readonly healthy: boolean;
  readonly clusterName: string;
  readonly metadata: Readonly<Record<string, string>>;
};

/** What an operator made of an instance; it outlives the registration. */
export interface OperatorChange {
  readonly weight?: number;
  readonly enabled?: boolean;
  /** Laid over the instance's own. */
  readonly metadata?: Readonly<Record<string, string>>;
}

/** Which instance of a service is meant. */
export type HostAddress = Pick<Host, "ip" | "port" | "clusterName">;

/** Stands in for a connection: what is persistent belongs to none. */
const persistent = Symbol("persistent instances");
type Owner = Connection | typeof persistent;

interface Service extends ServiceName {
  /** One entry a connection: a second registration replaces the first (registries A1.6). */
  readonly publishers: Map<Owner, readonly Host[]>;
  /** What operators changed, by address and cluster. */
  readonly changes: Map<string, OperatorChange>;
  /** All instances of a service are persistent or none is; undefined: there was none yet. */
  isPersistent: boolean | undefined;
  /** Where the share of healthy instances is not above it, all are handed out as healthy. Undefined: nobody set it. */
  protectThreshold: number | undefined;
  /** Clusters by connection, as text. */
  readonly subscribers: Map<Connection, string>;
  /** Who is told when {@link timer} fires. */
  readonly due: Set<Connection>;
  timer: Timer | undefined;
  emptySinceMs: number | undefined;
  existed: boolean;
}

/** What the store needs of its server. */
export interface NamingContext {
  readonly clock: Clock;
  readonly faults: Faults;
  readonly hold: Hold;
  /** How long changes are merged before they are pushed. */
  readonly pushDelayMs: number;
}

/** How pushes are repeated (nacos-server 6): 5 s for the answer, then 1 s. */
const retryLimits = { ackTimeoutMs: 5_000, delayMs: 1_000 } as const;
/** A service without instances is still listed for so long (`nacos.naming.empty-service.expired-time`). */
const emptyServiceMs = 60_000;

/** Who offers what and who wants to know: all of it bound to connections. */
export class NamingStore implements Disposable {
  readonly #services = new Map<string, Service>();
  /** The newest push of a (connection, service): an older one is not repeated any more. */
  readonly #newest = new WeakMap<Connection, Map<Service, symbol>>();
  readonly #met = new WeakSet<Connection>();
  readonly #stop = new AbortController();
  readonly #context: NamingContext;
  #lastRefTime = 0;
  #expiredAtMs = 0;

  constructor(context: NamingContext) {
    this.#context = context;
  }

  /**
   * Puts `hosts` in the place of what `connection` offered so far under this name.
   * @throws {HandlerError} 400: the service has persistent instances.
   */
  publish(connection: Connection, name: ServiceName, hosts: readonly Host[]): void {
    const service = this.#opened(name, false);
    this.#meet(connection);
    this.#offer(service, connection, hosts);
  }

  /**
   * Adds an instance that belongs to no connection, or puts it in the place of the one at the same address and cluster.
   * Here it lives as long as the server, and nobody looks after its health.
   * @throws {HandlerError} 400: the service has instances of connections.
   */
  keep(name: ServiceName, host: Host): void {
    const service = this.#opened(name, true);
    this.#offer(service, persistent, [...others(service, host), host]);
  }

  /** Removes what {@link keep} added; unknown ones too. */
  drop(name: ServiceName, host: HostAddress): void {
    const service = this.#services.get(keyOf(name));
    if (service === undefined) return;
    const left = others(service, host);
    if (left.length > 0) this.#offer(service, persistent, left);
    else this.#withdraw(persistent, service);
  }

  /** What an operator says of an instance. False: there is none at that address and cluster. */
  change(name: ServiceName, address: HostAddress, change: OperatorChange): boolean {
    const service = this.#services.get(keyOf(name));
    const hosts = [...(service?.publishers.values() ?? [])].flat();
    if (service === undefined || !hosts.some((host) => addressOf(host) === addressOf(address))) return false;
    const before = service.changes.get(addressOf(address));
    service.changes.set(addressOf(address), { ...before, ...change });
    this.#announce(service);
    return true;
  }

  /** Sets the share of healthy instances at which all are handed out; makes the service where there is none. */
  protect(name: ServiceName, threshold: number): void {
    const service = this.#open(name);
    service.existed = true;
    service.emptySinceMs ??= service.publishers.size === 0 ? this.#context.clock.monotonicMs() : undefined;
    service.protectThreshold = threshold;
    this.#announce(service);
  }

  /** Whether the service is known, be it empty. */
  has(name: ServiceName): boolean {
    return this.#services.get(keyOf(name))?.existed === true;
  }

  /** All namespaces that have a service. */
  get namespaces(): readonly string[] {
    return [...new Set([...this.#services.values()].map(({ namespace }) => namespace))];
  }

  /** Removes all that `connection` offers under this name, whatever ip and port it says (nacos-server 8). */
  withdraw(connection: Connection, name: ServiceName): void {
    const service = this.#services.get(keyOf(name));
    if (service !== undefined) this.#withdraw(connection, service);
  }

  /** The last `clusters` wins: there is one subscription a connection and service. A push follows always. */
  subscribe(connection: Connection, name: ServiceName, clusters: string): void {
    const service = this.#open(name);
    this.#meet(connection);
    service.subscribers.set(connection, clusters);
    this.#schedule(service, connection);
  }

  /** Ends the subscription; unknown ones too. */
  unsubscribe(connection: Connection, name: ServiceName): void {
    const service = this.#services.get(keyOf(name));
    if (service === undefined) return;
    service.subscribers.delete(connection);
    this.#closeIfUnused(service);
  }

  /** The `serviceInfo` of answers. `clusters` separated by commas; empty means all. */
  info(name: ServiceName, clusters: string, healthyOnly = false): Body {
    const service = this.#services.get(keyOf(name));
    const wanted = new Set(clusters.split(",").filter((cluster) => cluster !== ""));
    const all = [...(service?.publishers.values() ?? [])]
      .flat()
      .map((host) => changed(host, service?.changes.get(addressOf(host))))
      .filter((host) => host.enabled && (wanted.size === 0 || wanted.has(host.clusterName)));
    const healthy = all.filter((host) => host.healthy);
    const isProtected = all.length > 0 && healthy.length / all.length <= (service?.protectThreshold ?? -1);
    const hosts = isProtected ? all.map((host) => ({ ...host, healthy: true })) : healthyOnly ? healthy : all;
    return {
      name: name.name,
      groupName: name.group,
      clusters,
      cacheMillis: 10_000,
      hosts,
      lastRefTime: this.#nextRefTime(),
      checksum: "",
      allIps: false,
      reachProtectionThreshold: isProtected,
      valid: true,
    };
  }

  /** Names of the services of a group that have instances, or had some within the last minute. */
  list(namespace: string, group: string): readonly string[] {
    return [...this.#services.values()]
      .filter((one) => one.namespace === namespace && one.group === group && this.#isListed(one))
      .map((one) => one.name)
      .sort();
  }

  /** Pushes at once what would be pushed later, and waits at most `limitMs` until clients have it. */
  async flush(limitMs: number): Promise<void> {
    const pushes = [...this.#services.values()].flatMap((service) => {
      service.timer?.cancel();
      return this.#flush(service);
    });
    if (pushes.length === 0) return;
    const late = new AbortController();
    const limit = sleep(this.#context.clock, limitMs, late.signal, { background: true }).catch(() => {});
    await Promise.race([Promise.all(pushes), limit]);
    late.abort();
    await limit;
  }

  [Symbol.dispose](): void {
    this.#stop.abort(new Error("the server is closed"));
    for (const service of this.#services.values()) service.timer?.cancel();
  }

  // Go drops a list whose time equals that of the last one (registries A1.11), so no two are equal.
  #nextRefTime(): number {
    const { clock, faults } = this.#context;
    this.#lastRefTime = Math.max(this.#lastRefTime + 1, clock.wallMs());
    return this.#lastRefTime + (faults.clockOffsetMs ?? 0);
  }

  #open(name: ServiceName): Service {
    const key = keyOf(name);
    const known = this.#services.get(key);
    if (known !== undefined) return known;
    const created: Service = {
      ...name,
      publishers: new Map(),
      subscribers: new Map(),
      changes: new Map(),
      isPersistent: undefined,
      protectThreshold: undefined,
      due: new Set(),
      timer: undefined,
      emptySinceMs: undefined,
      existed: false,
    };
    this.#services.set(key, created);
    return created;
  }

  /** @throws {HandlerError} 400: it has instances of the other kind. */
  #opened(name: ServiceName, isPersistent: boolean): Service {
    const service = this.#open(name);
    service.isPersistent ??= isPersistent;
    if (service.isPersistent === isPersistent) return service;
    const [is, not] = isPersistent ? ["ephemeral", "persistent"] : ["persistent", "ephemeral"];
    const text = `Current service ${name.group}@@${name.name} is ${is} service, can't register ${not} instance.`;
    throw new HandlerError(400, `errCode: 400, errMsg: ${text} `);
  }

  #offer(service: Service, owner: Owner, hosts: readonly Host[]): void {
    service.publishers.set(owner, hosts);
    service.existed = true;
    service.emptySinceMs = undefined;
    this.#announce(service);
  }

  #withdraw(owner: Owner, service: Service): void {
    if (!service.publishers.delete(owner)) return;
    if (service.publishers.size === 0) service.emptySinceMs = this.#context.clock.monotonicMs();
    this.#announce(service);
  }

  #announce(service: Service): void {
    for (const subscriber of service.subscribers.keys()) this.#schedule(service, subscriber);
    this.#expire();
  }

  #meet(connection: Connection): void {
    if (this.#met.has(connection)) return;
    this.#met.add(connection);
    connection.onClose(() => this.#forget(connection));
  }

  #forget(connection: Connection): void {
    for (const service of this.#services.values()) {
      service.subscribers.delete(connection);
      this.#withdraw(connection, service);
      this.#closeIfUnused(service);
    }
  }

  #schedule(service: Service, subscriber: Connection): void {
    service.due.add(subscriber);
    if (this.#stop.signal.aborted) return;
    const { clock, pushDelayMs } = this.#context;
    service.timer ??= clock.setTimeout(() => void this.#flush(service), pushDelayMs, { background: true });
  }

  /** What it starts never rejects. */
  #flush(service: Service): readonly Promise<void>[] {
    service.timer = undefined;
    const due = [...service.due];
    service.due.clear();
    return due.map((subscriber) => this.#push(service, subscriber));
  }

  /** Never rejects: it ends when the client answered, went, or a newer push took over. */
  async #push(service: Service, subscriber: Connection): Promise<void> {
    const own = Symbol("push");
    const newest = this.#newest.get(subscriber) ?? new Map<Service, symbol>();
    this.#newest.set(subscriber, newest.set(service, own));
    await this.#context.hold.over;
    const { clock, faults } = this.#context;
    const { signal } = this.#stop;
    while (!signal.aborted && !subscriber.closed && newest.get(service) === own) {
      const clusters = service.subscribers.get(subscriber);
      if (clusters === undefined || faults.losePushes === true) break;
      if (await this.#notify(service, subscriber, clusters)) break;
      if (subscriber.closed) break;
      await sleep(clock, retryLimits.delayMs, signal, { background: true }).catch(() => {});
    }
    if (newest.get(service) === own) newest.delete(service);
  }

  // As recorded from real servers: no namespace, serviceName, groupName beside the serviceInfo.
  #notify(service: Service, subscriber: Connection, clusters: string): Promise<boolean> {
    const { faults } = this.#context;
    const full = this.info(service, clusters);
    const info = faults.emptyPushes === true ? { ...full, hosts: [] } : full;
    const { name, groupName, hosts, lastRefTime } = info as Record<string, unknown>;
    const body =
      faults.incompletePushes === true
        ? { serviceInfo: { name, groupName, hosts, lastRefTime } }
        : { serviceInfo: info, module: "naming" };
    return subscriber.push("NotifySubscriberRequest", body, retryLimits.ackTimeoutMs);
  }

  #isListed(service: Service): boolean {
    if (!service.existed) return false;
    if (service.publishers.size > 0 || service.emptySinceMs === undefined) return true;
    return this.#context.clock.monotonicMs() - service.emptySinceMs < emptyServiceMs;
  }

  #expire(): void {
    const now = this.#context.clock.monotonicMs();
    if (now - this.#expiredAtMs < emptyServiceMs) return;
    this.#expiredAtMs = now;
    for (const service of this.#services.values()) this.#closeIfUnused(service);
  }

  #closeIfUnused(service: Service): void {
    if (service.publishers.size > 0 || service.subscribers.size > 0 || this.#isListed(service)) return;
    service.timer?.cancel();
    service.timer = undefined;
    this.#services.delete(keyOf(service));
  }
}

function others(service: Service, host: HostAddress): readonly Host[] {
  const known = service.publishers.get(persistent) ?? [];
  return known.filter((one) => addressOf(one) !== addressOf(host));
}

function addressOf({ ip, port, clusterName }: HostAddress): string {
  return `${ip}#${port}#${clusterName}`;
}

function changed(host: Host, change: OperatorChange | undefined): Host {
  if (change === undefined) return host;
  return { ...host, ...change, metadata: { ...host.metadata, ...change.metadata } };
}

// Neither namespaces nor groups nor services may hold `@@`.
function keyOf({ namespace, group, name }: ServiceName): string {
  return `${namespace}@@${group}@@${name}`;
}
