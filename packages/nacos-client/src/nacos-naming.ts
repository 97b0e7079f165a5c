import { setMaxListeners } from "node:events";
import { type Body, numberOf, textsOf } from "./body.js";
import { Connection } from "./connection.js";
import type { NacosState } from "./connection-state.js";
import {
  defaultGroup,
  type NewInstance,
  queryBody,
  type ServiceInfo,
  serviceInfoOf,
  type ServiceName,
  serviceKey,
} from "./instance.js";
import { Latest } from "./latest.js";
import { checkInstance, checkNamespace, checkService } from "./limits.js";
import { NacosError } from "./nacos-error.js";
import { type NacosOptions, type Settings, toSettings } from "./options.js";
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
  const settings = toSettings(options);
  checkNamespace(settings.namespace);
  return new NacosNaming(settings);
}

/**
 * Services and their instances. What is registered and subscribed is desired state: it is brought back on every
 * new connection, and registered instances are looked for in the public list now and then.
 */
export class NacosNaming implements AsyncDisposable {
  readonly #connection: Connection;
  readonly #registrations = new Map<string, Registration>();
  readonly #subscriptions = new Map<string, Subscription>();
  readonly #namespace: string;
  #closing: Promise<void> | undefined;

  /** Use {@link nacosNaming}. */
  constructor(settings: Settings) {
    this.#namespace = settings.namespace || "public"; // "" is another namespace in naming (nacos-server 8, A1.6)
    this.#connection = new Connection("naming", settings, (push, session) => this.#onPush(push, session));
  }

  /** How this client stands with its servers, at this moment. */
  get state(): NacosState {
    return this.#connection.state;
  }

  /** Yields the state, then each next one. */
  states(signal: AbortSignal): AsyncIterable<NacosState> {
    return this.#connection.states(signal);
  }

  /**
   * Resolves as soon as a server is connected.
   * @throws {NacosError} UNAVAILABLE after `waitForServerMs`; NOT_NACOS at once when something else listens there.
   */
  async ready(signal: AbortSignal): Promise<void> {
    await this.#connection.ready(signal);
  }

  /**
   * Announces `instance` until it is deregistered or the client is closed, in the place of one with the same
   * address and cluster, which is never absent meanwhile. Waits for a server as long as it takes: pass a signal
   * with a deadline. When it rejects, what was announced before stays.
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
    for (const instance of instances) checkInstance(instance, this.#connection.settings.metadataLimit);
    this.#throwIfClosed();
    const own = instances.map((instance) => structuredClone(instance));
    await this.#registration(service).announce(own, signal);
  }

  /** {@link register} for an instance that is announced already. @throws {NacosError} INVALID when it is not. */
  async update(service: ServiceName, instance: NewInstance, signal: AbortSignal): Promise<void> {
    if (!this.#registrations.get(serviceKey(service))?.has(instance)) {
      const text = `${serviceKey(service)} has no instance at ${instance.ip}:${instance.port}: register it first`;
      throw new NacosError("INVALID", text);
    }
    await this.register(service, instance, signal);
  }

  /** Withdraws `instance`, or all of this client's instances of `service`; nothing happens when there is none. */
  async deregister(
    service: ServiceName,
    instance: NewInstance | undefined,
    signal: AbortSignal,
  ): Promise<void> {
    const registration = this.#registrations.get(serviceKey(service));
    await registration?.withdraw(instance === undefined ? undefined : [instance], signal);
  }

  /**
   * Asks the server for the instances of `service`; its answer may be 0.6 s old (nacos-server 8). A service that does
   * not exist has none. @throws {NacosError} @throws `signal.reason` when that aborts.
   */
  async query(service: ServiceName, signal: AbortSignal): Promise<ServiceInfo> {
    checkService(service);
    const reply = await this.#connection.request("ServiceQueryRequest", queryBody(this.#base(service)), {
      signal,
    });
    return serviceInfoOf(bodyOfReply(reply, `query of ${serviceKey(service)}`));
  }

  /** The names of all services of `group`, default `DEFAULT_GROUP`. @throws {NacosError} @throws `signal.reason`. */
  async services(signal: AbortSignal, group: string = defaultGroup): Promise<readonly string[]> {
    const names = new Set<string>();
    for (let pageNo = 1; ; pageNo += 1) {
      const body = { ...this.#base({ name: "", group }), pageNo, pageSize };
      const reply = await this.#connection.request("ServiceListRequest", body, { signal });
      const page = bodyOfReply(reply, "list of services");
      const found = textsOf(page, "serviceNames");
      for (const name of found) names.add(name);
      if (found.length === 0 || pageNo * pageSize >= numberOf(page, "count")) return [...names];
    }
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
    this.#throwIfClosed();
    const latest = new Latest<ServiceSnapshot>(signal);
    const subscription = this.#subscription(service);
    subscription.add(latest);
    try {
      yield* latest;
    } finally {
      latest.end();
      subscription.remove(latest);
    }
  }

  /** Deregisters, for at most 2 s, and closes. Final; a second time does nothing. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(): Promise<void> {
    const { clock } = this.#connection.settings.environment;
    const subscriptions = [...this.#subscriptions.values()];
    const registrations = [...this.#registrations.values()];
    for (const subscription of subscriptions) subscription.end();
    const left = new AbortController();
    setMaxListeners(0, left.signal);
    const leaving = registrations.map((registration) => registration.leave(left.signal));
    const allLeft = Promise.allSettled(leaving).then(() => left.abort());
    await pause(clock, leaveLimitMs, [left.signal]);
    left.abort();
    await allLeft;
    await this.#connection[Symbol.asyncDispose]();
    await Promise.all([...subscriptions, ...registrations].map((kept) => kept.stop()));
  }

  #registration(service: ServiceName): Registration {
    const key = serviceKey(service);
    const known = this.#registrations.get(key);
    if (known !== undefined) return known;
    const remove = () => this.#registrations.delete(key);
    const made = new Registration(this.#connection, service, this.#base(service), remove);
    this.#registrations.set(key, made);
    return made;
  }

  #subscription(service: ServiceName): Subscription {
    const key = serviceKey(service);
    const known = this.#subscriptions.get(key);
    if (known !== undefined) return known;
    const remove = () => this.#subscriptions.delete(key);
    const made = new Subscription(this.#connection, service, this.#base(service), remove);
    this.#subscriptions.set(key, made);
    return made;
  }

  #onPush({ type, body }: Push, session: Session): void {
    if (type !== "NotifySubscriberRequest") return;
    const info = serviceInfoOf(body);
    this.#subscriptions.get(serviceKey(info))?.accept(info, session);
  }

  #base({ name, group = defaultGroup }: ServiceName): Body {
    return { namespace: this.#namespace, serviceName: name, groupName: group };
  }

  #throwIfClosed(): void {
    if (this.#closing !== undefined) throw new NacosError("CLOSED", "the Nacos client is closed");
  }
}
