import type { Body } from "../body.js";
import type { NacosModule } from "../link.js";
import { NacosError } from "../nacos-error.js";
import type { NacosHttpResponse } from "../network.js";
import type { ServerAddress, Settings } from "../options.js";
import { type SecuredCall, securedCall } from "../secured-call.js";
import type { Payload } from "../wire.js";
import { type ApiRequest, httpApi, type NacosHttp } from "./http-api.js";
import { objectIn } from "./server-state.js";

/**
 * Servers push over UDP to clients of these names only (registries A2.1), and take a version below 2 for a client
 * that may have no gRPC.
 */
const agent = "Nacos-Java-Client:v1.4.7";

/** Requests of one link to the HTTP API, with what the credentials add put where version 1 looks for it. */
export class HttpCaller {
  readonly #http: NacosHttp;

  constructor(
    readonly server: ServerAddress,
    private readonly module: NacosModule,
    readonly settings: Settings,
  ) {
    this.#http = httpApi(server, settings.tls, settings.environment);
  }

  /** @param secured what the credentials gave. Any status is an answer. */
  async send(
    request: ApiRequest,
    secured: Readonly<Record<string, string>>,
    signal: AbortSignal,
  ): Promise<NacosHttpResponse> {
    const { accessToken, ...signature } = secured;
    const inQuery = this.module === "naming" ? signature : {};
    const headers = {
      "User-Agent": agent,
      "Client-Version": agent,
      ...(this.module === "config" && signature),
      ...(accessToken !== undefined && { accessToken, Authorization: `Bearer ${accessToken}` }),
      ...request.headers,
    };
    const timeoutMs = request.timeoutMs ?? this.settings.requestTimeoutMs;
    return await this.#http.request(
      { ...request, headers, query: { ...request.query, ...inQuery }, timeoutMs },
      signal,
    );
  }

  /** For what no caller waits for, such as beats: with headers of its own, once more after a 403 that can be cured. */
  async sendOwn(
    type: string,
    body: Body,
    request: ApiRequest,
    signal: AbortSignal,
  ): Promise<NacosHttpResponse> {
    const { credentials, appName, tls } = this.settings;
    const call: SecuredCall<NacosHttpResponse> = {
      credentials,
      request: () => ({
        module: this.module,
        type,
        body,
        server: this.server,
        appName,
        http: this.#http,
        tls,
      }),
      send: (sent) => this.send(request, sent, signal),
      refusalIn: ({ status, text }) => (status === 403 ? text.slice(0, 300) : undefined),
    };
    return await securedCall(call, [signal]);
  }
}

/** A success, as gRPC would have said it. */
export function done(type: string, body: Body = {}): Payload {
  return { type, headers: {}, body: { resultCode: 200, errorCode: 0, success: true, ...body } };
}

/** The answer to a request that was not taken, with the code that gRPC has for it: registries A1.5. */
export function notDone(type: string, { status, text }: NacosHttpResponse): Payload {
  const message = textOfError(text) || `HTTP ${status}`;
  return { type, headers: {}, body: { resultCode: 500, errorCode: codeOf(status, message), message } };
}

/** The text of an answer. @throws {NacosError} NOT_NACOS: it is not the JSON object that a Nacos answers there. */
export function jsonOf(
  { text }: NacosHttpResponse,
  { name }: ServerAddress,
): Readonly<Record<string, unknown>> {
  const body = objectIn(text);
  if (body === undefined) throw new NacosError("NOT_NACOS", `${name}: an answer that is no JSON object`);
  return body;
}

function codeOf(status: number, message: string): number {
  if (status === 401 || /^(unknown user|user not found)/i.test(message)) return 403;
  if (status === 404 || status === 405 || status === 410 || status === 501) return 302;
  // 1.x and 2.x answer 500 to what gRPC calls 400.
  if (status === 500 && /errCode: 400|is illegal|Param .*is (required|invalid)/i.test(message)) return 400;
  return status;
}

function textOfError(text: string): string {
  const message = objectIn(text)?.["message"];
  // A database's error ends with its reason, after the whole statement.
  return (typeof message === "string" ? message : text).trim().slice(0, 1_000);
}
