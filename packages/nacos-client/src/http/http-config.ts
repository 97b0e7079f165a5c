import { type Body, bodiesOf, bodyOf, flagOf, textOf } from "../body.js";
import type { NacosHttpResponse } from "../network.js";
import { md5Of } from "../config-key.js";
import type { Push } from "../push-stream.js";
import type { Payload } from "../wire.js";
import { ConfigPoll, type Listened } from "./config-poll.js";
import { done, type HttpCaller, notDone } from "./http-caller.js";

type Headers = Readonly<Record<string, string>>;

const path = "/v1/cs/configs";

/** The config messages of gRPC over HTTP of version 1: registries A2.1. */
export class HttpConfig {
  readonly #poll: ConfigPoll;

  constructor(
    private readonly caller: HttpCaller,
    onPush: (push: Push) => void,
  ) {
    this.#poll = new ConfigPoll(caller, ({ dataId, group, tenant }) =>
      onPush({ type: "ConfigChangeNotifyRequest", body: { dataId, group, tenant } }),
    );
  }

  /** Undefined: no message of config. */
  async handle(
    type: string,
    body: Body,
    headers: Headers,
    signal: AbortSignal,
  ): Promise<Payload | undefined> {
    switch (type) {
      case "ConfigQueryRequest":
        return await this.#query(body, headers, signal);
      case "ConfigPublishRequest":
        return await this.#publish(body, headers, signal);
      case "ConfigRemoveRequest":
        return await this.#remove(body, headers, signal);
      case "ConfigBatchListenRequest":
        return await this.#listen(body, headers, signal);
      default:
        return undefined;
    }
  }

  close(): void {
    this.#poll.close();
  }

  async ended(): Promise<void> {
    await this.#poll.ended();
  }

  async #query(body: Body, headers: Headers, signal: AbortSignal): Promise<Payload> {
    const { notify, ...rest } = headers;
    const response = await this.#send({ method: "GET", path, query: namesOf(body) }, rest, signal);
    const isThere = response.status === 200;
    const isAbsent = response.status === 404 && /config data not exist/i.test(response.text);
    const md5 = isThere ? headerOf(response, "content-md5") || md5Of(response.text) : "";
    // Who reads after a push is the listener.
    if (notify !== undefined && (isThere || isAbsent)) this.#poll.know(listenedOf(body), md5);
    const type = "ConfigQueryResponse";
    const absent = { resultCode: 500, errorCode: 300, message: "config data not exist" };
    if (isAbsent) return { type, headers: {}, body: absent };
    if (response.status === 409)
      return { type, headers: {}, body: { ...absent, errorCode: 400, message: response.text } };
    if (!isThere) return notDone(type, response);
    return done(type, {
      content: response.text,
      md5,
      contentType: headerOf(response, "config-type"),
      encryptedDataKey: headerOf(response, "encrypted-data-key"),
    });
  }

  async #publish(body: Body, headers: Headers, signal: AbortSignal): Promise<Payload> {
    const casMd5 = textOf(body, "casMd5");
    const extra = bodyOf(body, "additionMap") ?? {};
    const form = { ...namesOf(body), content: textOf(body, "content"), ...asTexts(extra) };
    const betaIps = textOf(extra, "betaIps");
    const own = { ...(casMd5 !== "" && { casMd5 }), ...(betaIps !== "" && { betaIps }) };
    const response = await this.#send({ method: "POST", path, form, headers: own }, headers, signal);
    const type = "ConfigPublishResponse";
    if (response.status === 200 && response.text.trim() === "true") return done(type);
    // 3.1 says so with status 500 and the same word.
    const hasLost = casMd5 !== "" && /^false$|cas publish fail/i.test(response.text.trim());
    if (response.status !== 200 && !hasLost) return notDone(type, response);
    const message = casMd5 === "" ? "not published" : "Cas publish fail,server md5 may have changed.";
    return { type, headers: {}, body: { resultCode: 500, errorCode: 500, message } };
  }

  async #remove(body: Body, headers: Headers, signal: AbortSignal): Promise<Payload> {
    const response = await this.#send({ method: "DELETE", path, query: namesOf(body) }, headers, signal);
    const type = "ConfigRemoveResponse";
    return response.status === 200 ? done(type) : notDone(type, response);
  }

  async #listen(body: Body, headers: Headers, signal: AbortSignal): Promise<Payload> {
    const type = "ConfigChangeBatchListenResponse";
    const keys = bodiesOf(body, "configListenContexts").map(listenedOf);
    if (!flagOf(body, "listen", true)) {
      this.#poll.forget(keys);
      return done(type);
    }
    const { response, changed } = await this.#poll.listen(keys, forHttp(headers), signal);
    return response.status === 200 ? done(type, { changedConfigs: changed }) : notDone(type, response);
  }

  #send(request: Parameters<HttpCaller["send"]>[0], headers: Headers, signal: AbortSignal) {
    return this.caller.send(request, forHttp(headers), signal);
  }
}

/** `notify` and the like are gRPC's. */
function forHttp({ notify: _notify, charset: _charset, ...headers }: Headers): Headers {
  return headers;
}

/** A blank tenant is left out: version 1 takes that for `public`. */
function namesOf(body: Body): Record<string, string> {
  const { dataId, group, tenant } = listenedOf(body);
  return { dataId, group, ...(tenant !== "" && { tenant, namespaceId: tenant }) };
}

function listenedOf(body: Body): Listened {
  return {
    dataId: textOf(body, "dataId"),
    group: textOf(body, "group"),
    tenant: textOf(body, "tenant"),
    md5: textOf(body, "md5"),
  };
}

function asTexts(body: Body): Record<string, string> {
  return Object.fromEntries(Object.keys(body).map((key) => [key, textOf(body, key)]));
}

function headerOf({ headers }: NacosHttpResponse, name: string): string {
  const value = headers[name];
  return typeof value === "string" ? value : "";
}
