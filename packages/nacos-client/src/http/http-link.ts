import { setMaxListeners } from "node:events";
import type { Body } from "../body.js";
import type { Link, NacosModule } from "../link.js";
import { NacosError } from "../nacos-error.js";
import type { ServerAddress, Settings } from "../options.js";
import type { Push, PushHandler } from "../push-stream.js";
import type { CallOptions } from "../transport.js";
import type { Payload } from "../wire.js";
import { httpApi } from "./http-api.js";
import { done, HttpCaller } from "./http-caller.js";
import { HttpConfig } from "./http-config.js";
import { HttpNaming } from "./http-naming.js";
import { serverState } from "./server-state.js";

/**
 * A way to a server by HTTP of version 1, which 1.x has only: registries A2.1. It takes the messages of gRPC, so that
 * nobody above notices, but for fuzzy watches, which there are none of.
 * @throws {NacosError} UNAVAILABLE, NOT_NACOS; REFUSED (300: starting). @throws `signal.reason` when that aborts.
 */
export async function openHttpLink(
  server: ServerAddress,
  module: NacosModule,
  settings: Settings,
  signal: AbortSignal,
): Promise<Link> {
  const http = httpApi(server, settings.tls, settings.environment);
  const state = await serverState(http, settings.healthTimeoutMs, signal);
  if (state.kind === "stranger")
    throw new NacosError("NOT_NACOS", `${server.name} is no Nacos: ${state.why}`);
  if (state.kind === "silent") throw new NacosError("UNAVAILABLE", `${server.name} does not answer HTTP`);
  if (!state.isUp) throw new NacosError("REFUSED", `${server.name} is starting`, { serverCode: 300 });
  return new HttpLink(server, module, settings);
}

class HttpLink implements Link {
  readonly protocol = "http";
  readonly connectionId: string;
  readonly #caller: HttpCaller;
  readonly #part: HttpNaming | HttpConfig;
  readonly #over = new AbortController();
  #handler: PushHandler | undefined;

  constructor(
    readonly server: ServerAddress,
    module: NacosModule,
    private readonly settings: Settings,
  ) {
    const { clock, random } = settings.environment;
    setMaxListeners(0, this.#over.signal);
    this.connectionId = `http_${clock.wallMs()}_${Math.floor(random() * 1e9).toString(36)}`;
    this.#caller = new HttpCaller(server, module, settings);
    const onPush = (push: Push) => this.#handler?.onPush(push);
    this.#part =
      module === "naming" ? new HttpNaming(this.#caller, onPush) : new HttpConfig(this.#caller, onPush);
  }

  async call(
    type: string,
    body: Body,
    { headers = {}, signal, timeoutMs }: CallOptions = {},
  ): Promise<Payload> {
    const either = signal === undefined ? this.#over.signal : AbortSignal.any([signal, this.#over.signal]);
    if (type === "HealthCheckRequest") return await this.#checkHealth(timeoutMs, either);
    const answer = await this.#part.handle(type, body, headers, either);
    if (answer !== undefined) return answer;
    const message = `${type} is not known over HTTP`;
    return { type: "ErrorResponse", headers: {}, body: { resultCode: 500, errorCode: 302, message } };
  }

  attach(handler: PushHandler): void {
    this.#handler = handler;
  }

  close(): void {
    this.#over.abort(new NacosError("UNAVAILABLE", `the link to ${this.server.name} was closed`));
    this.#part.close();
  }

  ended(): Promise<void> {
    return this.#part.ended();
  }

  async #checkHealth(timeoutMs = this.settings.healthTimeoutMs, signal: AbortSignal): Promise<Payload> {
    const http = httpApi(this.server, this.settings.tls, this.settings.environment);
    const state = await serverState(http, timeoutMs, signal);
    if (state.kind === "nacos" && state.isUp) return done("HealthCheckResponse");
    throw new NacosError("UNAVAILABLE", `${this.server.name} does not answer over HTTP`);
  }
}
