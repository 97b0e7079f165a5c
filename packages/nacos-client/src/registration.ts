import type { Body } from "./body.js";
import type { Connection } from "./connection.js";
import {
  encodeInstance,
  instanceKey,
  listedKeys,
  type NewInstance,
  queryBody,
  type ServiceName,
  serviceKey,
} from "./instance.js";
import { Keeper, type NextLook } from "./keeper.js";
import { isPermanent, NacosError } from "./nacos-error.js";
import { firstLookMs, resyncPauseMs } from "./looks.js";
import { bodyOfReply } from "./reply.js";
import type { Session } from "./session.js";
import { abortable } from "./waiting.js";

interface Waiter {
  readonly version: number;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/**
 * All instances that this client announces under one service. A server keeps one entry per connection and
 * service, so they are always sent together: a second registration would replace the first (registries G5).
 */
export class Registration {
  readonly #keeper: Keeper;
  readonly #key: string;
  readonly #waiters = new Set<Waiter>();
  #wanted: ReadonlyMap<string, NewInstance> = new Map();
  #version = 0;
  /** What the session may hold: noted before it is sent, since an answer can get lost. */
  #session: Session | undefined;
  #sent: ReadonlyMap<string, NewInstance> = new Map();
  #sentVersion = -1;
  #wasMissing = false;

  constructor(
    private readonly connection: Connection,
    private readonly service: ServiceName,
    private readonly base: Body,
    private readonly onEmpty: () => void,
    /** How many services this client announces itself under. */
    private readonly services: () => number,
  ) {
    this.#key = serviceKey(service);
    this.#keeper = new Keeper(connection, `registration of ${this.#key}`, (session) => this.#step(session));
  }

  /** Whether `instance`, or one with its address, is announced. */
  has(instance: NewInstance): boolean {
    return this.#wanted.has(instanceKey(instance));
  }

  /**
   * Announces `instances` beside those there are, in the place of those with their addresses. Resolves when a
   * server has them. When it rejects they are withdrawn, what was there before them stays.
   */
  async announce(instances: readonly NewInstance[], signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    const before = this.#wanted;
    const after = new Map([
      ...before,
      ...instances.map((instance) => [instanceKey(instance), instance] as const),
    ]);
    this.#set(after);
    try {
      await this.#settled(signal);
    } catch (error) {
      this.#takeBack(instances, before);
      throw error;
    }
  }

  #takeBack(instances: readonly NewInstance[], before: ReadonlyMap<string, NewInstance>): void {
    const wanted = new Map(this.#wanted);
    for (const instance of instances) {
      const key = instanceKey(instance);
      if (wanted.get(key) !== instance) continue; // someone else wants another one by now
      const old = before.get(key);
      if (old === undefined) wanted.delete(key);
      else wanted.set(key, old);
    }
    this.#set(wanted);
  }

  /** Withdraws `instances`, or all, also when `signal` aborts: that ends the waiting only. Without a connection there is nothing to wait for: the server forgot them with it. */
  async withdraw(instances: readonly NewInstance[] | undefined, signal: AbortSignal): Promise<void> {
    const gone = new Set(instances?.map(instanceKey));
    const rest = instances === undefined ? [] : [...this.#wanted].filter(([key]) => !gone.has(key));
    this.#set(new Map(rest));
    if (this.connection.current !== undefined) await this.#settled(signal);
  }

  /** {@link withdraw} for good: who still waits for an announcement is told that the client is closed. */
  async leave(signal: AbortSignal): Promise<void> {
    this.#settle(this.#version, ({ reject }) =>
      reject(new NacosError("CLOSED", "the Nacos client is closed")),
    );
    await this.withdraw(undefined, signal);
  }

  /** Ends the keeping without a word to the server. */
  async stop(): Promise<void> {
    await this.#keeper.stop();
  }

  /** Resolves when a server has what is wanted now. */
  async #settled(signal: AbortSignal): Promise<void> {
    let waiter: Waiter | undefined;
    const done = new Promise<void>((resolve, reject) => {
      waiter = { version: this.#version, resolve, reject };
      this.#waiters.add(waiter);
    });
    await abortable(done, signal).finally(() => waiter && this.#waiters.delete(waiter));
  }

  #set(wanted: ReadonlyMap<string, NewInstance>): void {
    this.#wanted = wanted;
    this.#version += 1;
    this.#keeper.wake();
  }

  async #step(session: Session): Promise<NextLook> {
    if (session !== this.#session) {
      this.#session = session;
      this.#sent = new Map();
      this.#sentVersion = -1;
    }
    if (this.#sentVersion !== this.#version) await this.#send(session);
    else if (this.#wanted.size > 0) return await this.#verify(session);
    if (this.#sentVersion !== this.#version) return 0;
    if (this.#wanted.size > 0) return firstLookMs(this.services(), this.connection.settings.environment);
    this.onEmpty();
    return "done";
  }

  async #send(session: Session): Promise<void> {
    const [version, wanted, sent] = [this.#version, this.#wanted, this.#sent];
    this.#sent = wanted.size > 0 ? wanted : sent;
    try {
      const message = messageFor(this.base, [...wanted.values()], [...sent.values()]);
      if (message !== undefined) {
        const what = `registering ${this.#key}`;
        bodyOfReply(await session.call(message.type, message.body, { signal: session.signal }), what);
      }
    } catch (error) {
      if (isPermanent(error)) this.#settle(version, ({ reject }) => reject(error));
      throw error;
    }
    this.#sent = wanted;
    this.#sentVersion = version;
    this.#settle(version, ({ resolve }) => resolve());
  }

  #settle(version: number, how: (waiter: Waiter) => void): void {
    for (const waiter of this.#waiters) if (waiter.version <= version) how(waiter);
  }

  /** Looks for itself in the public list (registries F4, rule 4), and registers again when it is not there. */
  async #verify(session: Session): Promise<number> {
    const { environment, resyncMs } = this.connection.settings;
    const wanted = [...this.#wanted.values()].filter(({ enabled = true }) => enabled);
    const reply = await session.call("ServiceQueryRequest", queryBody(this.base), { signal: session.signal });
    const listed = listedKeys(bodyOfReply(reply, `looking for ${this.#key}`));
    const isMissing = !wanted.every((instance) => listed.has(instanceKey(instance)));
    if (isMissing) {
      this.#sentVersion = -1;
      if (!this.#wasMissing)
        environment.log.warn({ service: this.#key }, "registered but not listed: registering again");
    }
    // An operator may have disabled an instance, which hides it: try once, then leave it to the resync.
    const again = isMissing && !this.#wasMissing;
    this.#wasMissing = isMissing;
    if (again) return 0;
    return resyncPauseMs(resyncMs, { services: this.services(), hosts: listed.size }, environment);
  }
}

/** What makes a server that may hold `sent` hold `wanted`; undefined when it holds nothing and should. */
function messageFor(
  base: Body,
  wanted: readonly NewInstance[],
  sent: readonly NewInstance[],
): { readonly type: string; readonly body: Body } | undefined {
  const first = wanted[0] ?? sent[0];
  if (first === undefined) return undefined;
  if (wanted.length > 1 || (wanted.length === 1 && sent.length > 1)) {
    const instances = wanted.map(encodeInstance);
    return { type: "BatchInstanceRequest", body: { ...base, type: "batchRegisterInstance", instances } };
  }
  // Deregistering removes the connection's whole entry, whatever address it names (nacos-server 8, A1.6).
  const type = wanted.length > 0 ? "registerInstance" : "deregisterInstance";
  return { type: "InstanceRequest", body: { ...base, type, instance: encodeInstance(first) } };
}
