import { setMaxListeners } from "node:events";
import { type Body, numberOf, textOf, textsOf } from "./body.js";
import { ConnectedClient } from "./connected-client.js";
import { FuzzyWatch, fits } from "./fuzzy-watch.js";
import {
  defaultGroup,
  encodeInstance,
  type NacosInstance,
  type NewInstance,
  queryBody,
  type ServiceInfo,
  serviceInfoOf,
  type ServiceName,
  serviceKey,
} from "./instance.js";
import { checkInstance, checkPattern, checkService } from "./limits.js";
import { NacosError } from "./nacos-error.js";
import { type NacosOptions, type Settings, toSettings } from "./options.js";
import { pickInstance } from "./pick-instance.js";
import type { Push } from "./push-stream.js";
import { Registration } from "./registration.js";
import { bodyOfReply } from "./reply.js";
import type { Session } from "./session.js";
import { type ServiceSnapshot, Subscription } from "./subscription.js";
import { pause } from "./waiting.js";

/** What a client may take for leaving: registries F4, rule 9. */
const leaveLimitMs = 2_000;
/** The server caps pages, and `count` says how many names there are. */
const pageSize = 500;

/**
 * Opens a naming client: services and their instances. It connects in the background, and keeps the process
 * alive until it is closed.
 * @throws {NacosError} INVALID: an option cannot be used.
 */
export function nacosNaming(options: NacosOptions): NacosNaming {
  return new NacosNaming(toSettings(options));
}

/**
 * Services and their instances. What is registered and subscribed is desired state: it is brought back on every
 * new connection, and registered instances are looked for in the public list now and then.
 */
export class NacosNaming extends ConnectedClient {
  readonly #registrations = new Map<string, Registration>();
  readonly #subscriptions = new Map<string, Subscription>();
  readonly #fuzzy = new Map<string, FuzzyWatch<ServiceName>>();
  readonly #namespace: string;

  /** Use {@link nacosNaming}. */
  constructor(settings: Settings) {
    super("naming", settings, (push, session) => this.#onPush(push, session));
    this.#namespace = settings.namespace || "public"; // "" is another namespace in naming (nacos-server 8, A1.6)
  }

  /**
   * Announces `instance` until it is deregistered or the client is closed, in the place of one with the same
   * address and cluster, which is never absent meanwhile. Waits for a server as long as it takes: pass a signal
   * with a deadline. When it rejects, what was announced before stays. One that is not `ephemeral` is announced once,
   * by a request that waits no longer than others do, and stays when the client is closed.
   * @throws {NacosError} INVALID, UNAUTHORIZED, REFUSED, UNSUPPORTED, CLOSED. @throws `signal.reason` when that aborts.
   */
  async register(service: ServiceName, instance: NewInstance, signal: AbortSignal): Promise<void> {
    await this.registerBatch(service, [instance], signal);
  }

  /** Several instances at once, beside those that there are. Servers can do it from 2.2 on. */
  async registerBatch(
    service: ServiceName,
    instances: readonly NewInstance[],
    signal: AbortSignal,
  ): Promise<void> {
    checkService(service);
    for (const instance of instances) checkInstance(instance, this.connection.settings.metadataLimit);
    this.throwIfClosed();
    const own = instances.map((instance) => structuredClone(instance));
    const [lasting, passing] = [own.filter(isLasting), own.filter((instance) => !isLasting(instance))];
    for (const instance of lasting) await this.#setLasting("registerInstance", service, instance, signal);
    if (passing.length > 0) await this.#registration(service).announce(passing, signal);
  }

  /** {@link register} for an instance that is announced already. @throws {NacosError} INVALID when it is not. */
  async update(service: ServiceName, instance: NewInstance, signal: AbortSignal): Promise<void> {
    if (!isLasting(instance) && !this.#registrations.get(serviceKey(service))?.has(instance)) {
      const text = `${serviceKey(service)} has no instance at ${instance.ip}:${instance.port}: register it first`;
      throw new NacosError("INVALID", text);
    }
    await this.register(service, instance, signal);
  }

  /**
   * Withdraws `instance`, or all of this client's ephemeral instances of `service`; nothing happens when there is none.
   * One that is not ephemeral is withdrawn whoever announced it.
   */
  async deregister(
    service: ServiceName,
    instance: NewInstance | undefined,
    signal: AbortSignal,
  ): Promise<void> {
    if (instance !== undefined && isLasting(instance))
      return await this.#setLasting("deregisterInstance", service, instance, signal);
    const registration = this.#registrations.get(serviceKey(service));
    await registration?.withdraw(instance === undefined ? undefined : [instance], signal);
  }

  /**
   * Asks the server for the instances of `service`; its answer may be 0.6 s old (nacos-server 8). A service that does
   * not exist has none. @throws {NacosError} @throws `signal.reason` when that aborts.
   */
  async query(service: ServiceName, signal: AbortSignal): Promise<ServiceInfo> {
    checkService(service);
    const reply = await this.connection.request("ServiceQueryRequest", queryBody(this.#base(service)), {
      signal,
    });
    return serviceInfoOf(bodyOfReply(reply, `query of ${serviceKey(service)}`));
  }

  /** The names of all services of `group`, default `DEFAULT_GROUP`. @throws {NacosError} @throws `signal.reason`. */
  async services(signal: AbortSignal, group: string = defaultGroup): Promise<readonly string[]> {
    const names = new Set<string>();
    for (let pageNo = 1; ; pageNo += 1) {
      const body = { ...this.#base({ name: "", group }), pageNo, pageSize };
      const reply = await this.connection.request("ServiceListRequest", body, { signal });
      const page = bodyOfReply(reply, "list of services");
      const found = textsOf(page, "serviceNames");
      for (const name of found) names.add(name);
      if (found.length === 0 || pageNo * pageSize >= numberOf(page, "count")) return [...names];
    }
  }

  /**
   * One instance of `service` that can be called, at random by weight, out of the list that the server has now.
   * Undefined: there is none. Whoever calls often subscribes and picks from that: {@link pickInstance}.
   * @throws {NacosError} @throws `signal.reason` when that aborts.
   */
  async pick(service: ServiceName, signal: AbortSignal): Promise<NacosInstance | undefined> {
    const { hosts } = await this.query(service, signal);
    return pickInstance(hosts, this.connection.settings.environment.random);
  }

  /**
   * Yields the instances of `service`, then the whole list after each change; a slow reader gets the latest. While no
   * server is connected nothing is yielded. Ends when `signal` aborts or the client is closed.
   * @throws {NacosError} INVALID, CLOSED.
   */
  async *subscribe(
    service: ServiceName,
    signal: AbortSignal,
  ): AsyncGenerator<ServiceSnapshot, void, undefined> {
    checkService(service);
    this.throwIfClosed();
    yield* this.follow(this.#subscription(service), signal);
  }

  /**
   * Yields the names of all services that fit, then all again after each change: servers from 3.0 on. `*` may stand at
   * the beginning or the end of a name, or alone.
   * @param pattern default: all services of `DEFAULT_GROUP`.
   * @throws {NacosError} INVALID, CLOSED; UNSUPPORTED: an older server, or HTTP; ask {@link services} now and then instead.
   */
  async *watchServices(
    { name = "*", group = defaultGroup }: Partial<ServiceName>,
    signal: AbortSignal,
  ): AsyncGenerator<readonly ServiceName[], void, undefined> {
    checkPattern(name);
    checkPattern(group);
    this.throwIfClosed();
    const watch = this.#fuzzyWatch(name, group);
    yield* this.follow(watch, signal);
    if (watch.failure !== undefined && !signal.aborted) throw watch.failure;
  }

  /** Deregisters, for at most 2 s, and closes. */
  protected override async end(): Promise<void> {
    const { clock } = this.connection.settings.environment;
    const subscriptions = [...this.#subscriptions.values()];
    const registrations = [...this.#registrations.values()];
    const fuzzy = [...this.#fuzzy.values()];
    for (const shared of [...subscriptions, ...fuzzy]) shared.end();
    const left = new AbortController();
    setMaxListeners(0, left.signal);
    const leaving = registrations.map((registration) => registration.leave(left.signal));
    const allLeft = Promise.allSettled(leaving).then(() => left.abort());
    await pause(clock, leaveLimitMs, [left.signal]);
    left.abort();
    await allLeft;
    await this.connection[Symbol.asyncDispose]();
    await Promise.all([...subscriptions, ...registrations, ...fuzzy].map((kept) => kept.stop()));
  }

  #registration(service: ServiceName): Registration {
    const key = serviceKey(service);
    const known = this.#registrations.get(key);
    if (known !== undefined) return known;
    const remove = () => this.#registrations.delete(key);
    const services = () => this.#registrations.size;
    const made = new Registration(this.connection, service, this.#base(service), remove, services);
    this.#registrations.set(key, made);
    return made;
  }

  #subscription(service: ServiceName): Subscription {
    const key = serviceKey(service);
    const known = this.#subscriptions.get(key);
    if (known !== undefined) return known;
    const remove = () => this.#subscriptions.delete(key);
    const services = () => this.#subscriptions.size;
    const made = new Subscription(this.connection, service, this.#base(service), remove, services);
    this.#subscriptions.set(key, made);
    return made;
  }

  #onPush({ type, body }: Push, session: Session): void {
    for (const watch of this.#fuzzy.values()) watch.onPush({ type, body }, session);
    if (type !== "NotifySubscriberRequest") return;
    const info = serviceInfoOf(body);
    this.#subscriptions.get(serviceKey(info))?.accept(info, session);
  }

  #base({ name, group = defaultGroup }: ServiceName): Body {
    return { namespace: this.#namespace, serviceName: name, groupName: group };
  }

  #fuzzyWatch(name: string, group: string): FuzzyWatch<ServiceName> {
    const pattern = `${this.#namespace}>>${group}>>${name}`;
    const known = this.#fuzzy.get(pattern);
    if (known !== undefined) return known;
    const kind = {
      prefix: "NamingFuzzyWatch",
      base: { namespace: this.#namespace },
      read: readServiceEntry,
      matches: (service: ServiceName) =>
        fits(name, service.name) && fits(group, service.group ?? defaultGroup),
    } as const;
    const made = new FuzzyWatch(this.connection, pattern, kind, () => this.#fuzzy.delete(pattern));
    this.#fuzzy.set(pattern, made);
    return made;
  }

  async #setLasting(type: string, service: ServiceName, instance: NewInstance, signal: AbortSignal) {
    const body = { ...this.#base(service), type, instance: encodeInstance(instance) };
    const reply = await this.connection.request("PersistentInstanceRequest", body, { signal });
    bodyOfReply(reply, `${type} at ${serviceKey(service)}`);
  }
}

function isLasting({ ephemeral = true }: NewInstance): boolean {
  return !ephemeral;
}

/** `namespace@@group@@name`. */
function readServiceEntry(entry: Body) {
  const [, group, name] = textOf(entry, "serviceKey").split("@@");
  if (group === undefined || name === undefined) return undefined;
  const value: ServiceName = Object.freeze({ name, group });
  return { name: serviceKey(value), value };
}
