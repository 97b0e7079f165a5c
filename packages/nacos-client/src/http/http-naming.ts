import { isIP } from "node:net";
import { type Body, bodiesOf, bodyOf, flagOf, numberOf, textOf } from "../body.js";
import type { Push } from "../push-stream.js";
import type { NacosUdpSocket } from "../network.js";
import { jitteredMs, pause } from "../waiting.js";
import type { Payload } from "../wire.js";
import { Beats, groupedName } from "./beats.js";
import { done, type HttpCaller, jsonOf, notDone } from "./http-caller.js";
import { openUdpPush } from "./udp-push.js";

type Headers = Readonly<Record<string, string>>;

interface Registered {
  readonly instance: Body;
  readonly beats: Beats;
}

/** What servers name in `cacheMillis`; reading again also renews the wish for pushes. */
const rereadMs = 10_000;
/** Between two readings of one list because of pushes, which anybody can send. */
const hintMs = 500;

/**
 * The naming messages of gRPC over HTTP of version 1: registries A2.1. As with gRPC there is one entry per service,
 * which may hold several instances, and it lives as long as this object: by beats.
 */
export class HttpNaming {
  readonly #registered = new Map<string, Map<string, Registered>>();
  readonly #subscribed = new Map<string, Body>();
  /** Lists that are read because of a push. */
  readonly #hinted = new Map<string, Promise<void>>();
  readonly #hintedAtMs = new Map<string, number>();
  readonly #stop = new AbortController();
  readonly #polling: Promise<void>;
  #udp: Promise<NacosUdpSocket | undefined> | undefined;
  #leaving: Promise<unknown>[] = [];

  constructor(
    private readonly caller: HttpCaller,
    private readonly onPush: (push: Push) => void,
  ) {
    this.#polling = this.#poll();
  }

  /** Undefined: no message of naming. */
  async handle(
    type: string,
    body: Body,
    headers: Headers,
    signal: AbortSignal,
  ): Promise<Payload | undefined> {
    switch (type) {
      case "InstanceRequest": {
        const isJoining = body["type"] === "registerInstance";
        const only = bodyOf(body, "instance") ?? {};
        return await this.#replace(type, body, isJoining ? [only] : [], headers, signal);
      }
      case "BatchInstanceRequest":
        return await this.#replace(type, body, bodiesOf(body, "instances"), headers, signal);
      case "PersistentInstanceRequest":
        return await this.#setPersistent(body, headers, signal);
      case "ServiceQueryRequest":
        return await this.#list("QueryServiceResponse", body, headers, 0, signal);
      case "SubscribeServiceRequest":
        return await this.#subscribe(body, headers, signal);
      case "ServiceListRequest":
        return await this.#services(body, headers, signal);
      default:
        return undefined;
    }
  }

  /** Ends beats and polls without a word to the server. */
  close(): void {
    if (this.#stop.signal.aborted) return;
    this.#stop.abort();
    for (const instances of this.#registered.values())
      for (const { beats } of instances.values()) this.#leaving.push(beats.stop());
    if (this.#udp !== undefined) this.#leaving.push(this.#udp.then((socket) => socket?.close()));
  }

  async ended(): Promise<void> {
    await Promise.all([this.#polling, ...this.#leaving, ...this.#hinted.values()]);
  }

  /** What is new comes before what is old goes, so that the service is never without. */
  async #replace(type: string, base: Body, wanted: readonly Body[], headers: Headers, signal: AbortSignal) {
    const key = groupedName(base);
    const known = this.#registered.get(key) ?? new Map<string, Registered>();
    this.#registered.set(key, known);
    const answerType = type.replace(/Request$/, "Response");
    for (const instance of wanted) {
      const response = await this.#send("POST", base, instance, headers, signal);
      if (response.status !== 200) return notDone(answerType, response);
      await known.get(idOf(instance))?.beats.stop();
      if (this.#stop.signal.aborted) break;
      known.set(idOf(instance), { instance, beats: this.#beat(base, instance) });
    }
    const kept = new Set(wanted.map(idOf));
    for (const [id, { instance, beats }] of known) {
      if (kept.has(id)) continue;
      await beats.stop();
      const response = await this.#send("DELETE", base, instance, headers, signal);
      if (response.status !== 200) return notDone(answerType, response);
      known.delete(id);
    }
    if (known.size === 0) this.#registered.delete(key);
    return done(answerType, { type: base["type"] });
  }

  #beat(base: Body, instance: Body): Beats {
    return new Beats(this.caller, base, instance, async (signal) => {
      const request = requestFor("POST", base, instance);
      await this.caller.sendOwn("InstanceRequest", base, request, signal);
    });
  }

  async #setPersistent(base: Body, headers: Headers, signal: AbortSignal): Promise<Payload> {
    const method = base["type"] === "registerInstance" ? "POST" : "DELETE";
    const response = await this.#send(method, base, bodyOf(base, "instance") ?? {}, headers, signal);
    return response.status === 200 ? done("InstanceResponse") : notDone("InstanceResponse", response);
  }

  #send(method: "POST" | "DELETE", base: Body, instance: Body, headers: Headers, signal: AbortSignal) {
    return this.caller.send(requestFor(method, base, instance), headers, signal);
  }

  async #list(
    type: string,
    base: Body,
    headers: Headers,
    udpPort: number,
    signal: AbortSignal,
  ): Promise<Payload> {
    const response = await this.caller.send(listRequest(base, udpPort), headers, signal);
    if (response.status !== 200) return notDone(type, response);
    return done(type, { serviceInfo: jsonOf(response, this.caller.server) });
  }

  async #subscribe(base: Body, headers: Headers, signal: AbortSignal): Promise<Payload> {
    const key = groupedName(base);
    if (!flagOf(base, "subscribe")) {
      this.#subscribed.delete(key);
      this.#hintedAtMs.delete(key);
      return done("SubscribeServiceResponse");
    }
    this.#subscribed.set(key, base);
    return await this.#list("SubscribeServiceResponse", base, headers, await this.#udpPort(), signal);
  }

  async #services(base: Body, headers: Headers, signal: AbortSignal): Promise<Payload> {
    const query = {
      pageNo: String(numberOf(base, "pageNo", 1)),
      pageSize: String(numberOf(base, "pageSize", 10)),
      namespaceId: textOf(base, "namespace"),
      groupName: textOf(base, "groupName"),
    };
    const request = { method: "GET", path: "/v1/ns/service/list", query } as const;
    const response = await this.caller.send(request, headers, signal);
    if (response.status !== 200) return notDone("ServiceListResponse", response);
    const { count, doms } = jsonOf(response, this.caller.server);
    return done("ServiceListResponse", { count, serviceNames: doms });
  }

  /** 0 where no socket can be had: then polling alone has to do. */
  async #udpPort(): Promise<number> {
    const { environment } = this.caller.settings;
    const isKnown = (address: string) => this.#maySend(address);
    const onList = (info: Body) => this.#hint(info);
    this.#udp ??= openUdpPush(environment.network, onList, isKnown).catch((error: unknown) => {
      environment.log.warn({ err: error }, "no UDP socket: changes are noticed by polling alone");
      return undefined;
    });
    const socket = await this.#udp;
    if (this.#stop.signal.aborted) await socket?.close();
    return socket?.port ?? 0;
  }

  /** Any server of the list pushes. Behind a name there may be any address: then nothing is known. */
  #maySend(address: string): boolean {
    const { servers, endpoint } = this.caller.settings;
    const hosts = [this.caller.server, ...servers].map(({ host }) => host);
    return endpoint !== undefined || hosts.some((host) => isIP(host) !== 4) || hosts.includes(address);
  }

  /** Somebody says that a list has changed: it is read, once however often that is said, and not sooner than `hintMs` again. */
  #hint({ name, groupName }: Body): void {
    const short = typeof name === "string" ? name : "";
    const key = short.includes("@@") ? short : `${typeof groupName === "string" ? groupName : ""}@@${short}`;
    const base = this.#subscribed.get(key);
    if (base === undefined || this.#hinted.has(key) || this.#stop.signal.aborted) return;
    const reading = this.#readHinted(key, base).finally(() => this.#hinted.delete(key));
    this.#hinted.set(key, reading);
  }

  /** Never rejects. */
  async #readHinted(key: string, base: Body): Promise<void> {
    const { clock, log } = this.caller.settings.environment;
    const { signal } = this.#stop;
    const waitMs = (this.#hintedAtMs.get(key) ?? -Infinity) + hintMs - clock.monotonicMs();
    if (waitMs > 0) await pause(clock, waitMs, [signal], { background: true });
    if (signal.aborted || !this.#subscribed.has(key)) return;
    this.#hintedAtMs.set(key, clock.monotonicMs());
    await this.#reread(base, signal).catch((error: unknown) => {
      if (!signal.aborted) log.debug({ err: error, service: key }, "a list could not be read again");
    });
  }

  #take(serviceInfo: Body): void {
    if (!this.#stop.signal.aborted) this.onPush({ type: "NotifySubscriberRequest", body: { serviceInfo } });
  }

  async #poll(): Promise<void> {
    const { environment } = this.caller.settings;
    const { signal } = this.#stop;
    while (!signal.aborted) {
      await pause(environment.clock, jitteredMs(rereadMs, environment), [signal], { background: true });
      for (const base of this.#subscribed.values()) {
        if (signal.aborted) return;
        await this.#reread(base, signal).catch((error: unknown) => {
          const fields = { err: error, service: groupedName(base) };
          if (!signal.aborted) environment.log.debug(fields, "a list could not be read again");
        });
      }
    }
  }

  async #reread(base: Body, signal: AbortSignal): Promise<void> {
    const request = listRequest(base, await this.#udpPort());
    const response = await this.caller.sendOwn("ServiceQueryRequest", base, request, signal);
    if (response.status === 200) this.#take(jsonOf(response, this.caller.server));
  }
}

function idOf(instance: Body): string {
  return `${textOf(instance, "ip")}#${numberOf(instance, "port")}#${textOf(instance, "clusterName")}`;
}

function requestFor(method: "POST" | "DELETE", base: Body, instance: Body) {
  const fields = {
    namespaceId: textOf(base, "namespace"),
    serviceName: groupedName(base),
    groupName: textOf(base, "groupName"),
    clusterName: textOf(instance, "clusterName"),
    ip: textOf(instance, "ip"),
    port: String(numberOf(instance, "port")),
    ephemeral: String(flagOf(instance, "ephemeral", true)),
  };
  const path = "/v1/ns/instance";
  // Old servers read the parameters of a DELETE in its URL only.
  if (method === "DELETE") return { method, path, query: fields };
  const weight = String(numberOf(instance, "weight", 1));
  const enabled = String(flagOf(instance, "enabled", true));
  const healthy = String(flagOf(instance, "healthy", true));
  const metadata = JSON.stringify(bodyOf(instance, "metadata") ?? {});
  return { method, path, form: { ...fields, weight, enabled, enable: enabled, healthy, metadata } };
}

function listRequest(base: Body, udpPort: number) {
  const query = {
    namespaceId: textOf(base, "namespace"),
    serviceName: groupedName(base),
    groupName: textOf(base, "groupName"),
    clusters: "",
    healthyOnly: "false",
    udpPort: String(udpPort),
  };
  return { method: "GET", path: "/v1/ns/instance/list", query } as const;
}
