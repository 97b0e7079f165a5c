import { type Body, bodiesOf, bodyOf, numberOf, textOf } from "./body.js";
import { type ConfigKey, md5Of, type NacosConfigValue } from "./config-key.js";
import { type ApiRequest } from "./http/http-api.js";
import { HttpCaller, jsonOf, notDone } from "./http/http-caller.js";
import { defaultGroup } from "./instance.js";
import { checkConfigKey, checkNamespace } from "./limits.js";
import { NacosError } from "./nacos-error.js";
import type { NacosHttpResponse } from "./network.js";
import { type NacosOptions, type Settings, toSettings } from "./options.js";
import { refusal, toReply } from "./reply.js";
import { ServerList } from "./server-list.js";

/** A namespace that exists. */
export interface NacosNamespace {
  /** What the option `namespace` takes. */
  readonly id: string;
  /** What the console shows. */
  readonly name: string;
}

/** One page of a list. */
export interface Page<T> {
  readonly items: readonly T[];
  /** How many there are on all pages. */
  readonly total: number;
}

/** Which page of a list. */
export interface PageOptions {
  /** From 1 on. Default 1. */
  readonly page?: number;
  /** Default 100; servers allow 500. */
  readonly pageSize?: number;
}

/** Which configurations are looked for: `*` stands for anything. */
export interface ConfigFilter extends PageOptions {
  /** Default all. */
  readonly dataId?: string;
  /** Default all. */
  readonly group?: string;
}

/** What a configuration once was. */
export interface ConfigVersion {
  /** For {@link NacosAdmin.version}. */
  readonly id: string;
  /** `I` inserted, `U` updated, `D` deleted. */
  readonly operation: string;
  /** As the server writes it. */
  readonly modified: string;
  /** Who did it, where the server knows. */
  readonly user: string;
}

/** What servers offer over HTTP only, to look at what they hold. Opens nothing that would have to be closed. */
export interface NacosAdmin {
  /** All namespaces; `public` is always there. */
  namespaces(signal: AbortSignal): Promise<readonly NacosNamespace[]>;
  /** The keys of the configurations that fit. */
  searchConfigs(filter: ConfigFilter, signal: AbortSignal): Promise<Page<ConfigKey>>;
  /**
   * What the server's database has under `key`, undefined when that is nothing. `NacosConfig.get` reads the copy that
   * servers hand out: it is some 100 ms late, and for long where a publish failed halfway (seen of 3.1.0 on Derby, whose
   * conditional publishes then fail until somebody publishes what the database expects).
   */
  stored(key: ConfigKey, signal: AbortSignal): Promise<NacosConfigValue | undefined>;
  /** What became of `key`, newest first, as far as the server keeps it (30 days by default). */
  history(key: ConfigKey, options: PageOptions, signal: AbortSignal): Promise<Page<ConfigVersion>>;
  /** The content that `version` has noted: that before the change. Undefined: there is no such version. */
  version(key: ConfigKey, id: string, signal: AbortSignal): Promise<string | undefined>;
}

/**
 * The administration that is open to programs. All of it may throw NacosError UNAVAILABLE, TIMEOUT, NOT_NACOS,
 * UNAUTHORIZED, UNSUPPORTED (this server does not offer it) or REFUSED, and `signal.reason`.
 * @throws {NacosError} INVALID: an option cannot be used.
 */
export function nacosAdmin(options: NacosOptions): NacosAdmin {
  const settings = toSettings(options);
  checkNamespace(settings.namespace);
  return new HttpAdmin(settings);
}

/** The same for Nacos 3 and for those before, whose parameters are named differently. */
type Alternatives = readonly ApiRequest[];

class HttpAdmin implements NacosAdmin {
  constructor(private readonly settings: Settings) {}

  async namespaces(signal: AbortSignal): Promise<readonly NacosNamespace[]> {
    const paths = ["/v3/admin/core/namespace/list", "/v2/console/namespace/list", "/v1/console/namespaces"];
    const answer = await this.#ask(
      paths.map((path) => ({ method: "GET", path })),
      signal,
    );
    return bodiesOf(answer, "data").map((entry) => {
      const name = textOf(entry, "namespaceShowName");
      return { id: textOf(entry, "namespace") || "public", name };
    });
  }

  async searchConfigs(filter: ConfigFilter, signal: AbortSignal): Promise<Page<ConfigKey>> {
    const { dataId = "", group = "" } = filter;
    const query = { search: "blur", dataId, ...pageOf(filter) };
    const alternatives: Alternatives = [
      {
        method: "GET",
        path: "/v3/admin/cs/config/list",
        query: { ...query, ...this.#v3(), groupName: group },
      },
      { method: "GET", path: "/v1/cs/configs", query: { ...query, ...this.#v1(), group } },
    ];
    return pageIn(await this.#ask(alternatives, signal), (item) => ({
      dataId: textOf(item, "dataId"),
      group: groupIn(item),
    }));
  }

  async stored(key: ConfigKey, signal: AbortSignal): Promise<NacosConfigValue | undefined> {
    checkConfigKey(key);
    const { dataId, group = defaultGroup } = key;
    const v1 = { show: "all", dataId, group, ...this.#v1() };
    const alternatives: Alternatives = [
      { method: "GET", path: "/v3/admin/cs/config", query: { dataId, groupName: group, ...this.#v3() } },
      { method: "GET", path: "/v1/cs/configs", query: v1 },
    ];
    const answer = await unlessAbsent(this.#ask(alternatives, signal));
    if (answer === undefined) return undefined;
    const found = bodyOf(answer, "data") ?? answer;
    const content = textOf(found, "content");
    return { content, md5: textOf(found, "md5") || md5Of(content) };
  }

  async history(key: ConfigKey, options: PageOptions, signal: AbortSignal): Promise<Page<ConfigVersion>> {
    checkConfigKey(key);
    const answer = await this.#ask(
      this.#historyOf(key, "/list", { search: "accurate", ...pageOf(options) }),
      signal,
    );
    return pageIn(answer, (item) => ({
      id: textOf(item, "id"),
      operation: textOf(item, "opType").trim(),
      modified: textOf(item, "modifyTime") || textOf(item, "lastModifiedTime"),
      user: textOf(item, "srcUser"),
    }));
  }

  async version(key: ConfigKey, id: string, signal: AbortSignal): Promise<string | undefined> {
    checkConfigKey(key);
    const answer = await unlessAbsent(this.#ask(this.#historyOf(key, "", { nid: id }), signal));
    return answer && textOf(bodyOf(answer, "data") ?? answer, "content");
  }

  #historyOf(
    { dataId, group = defaultGroup }: ConfigKey,
    part: "" | "/list",
    extra: Record<string, string>,
  ): Alternatives {
    const [v3, v1] = [`/v3/admin/cs/history${part}`, "/v1/cs/history"];
    return [
      { method: "GET", path: v3, query: { dataId, groupName: group, ...this.#v3(), ...extra } },
      { method: "GET", path: v1, query: { dataId, group, ...this.#v1(), ...extra } },
    ];
  }

  #v3(): Record<string, string> {
    return { namespaceId: this.settings.namespace };
  }

  #v1(): Record<string, string> {
    return { tenant: this.settings.namespace === "public" ? "" : this.settings.namespace };
  }

  /** Each server in turn until one answers; there the newest way that it knows. */
  async #ask(alternatives: Alternatives, signal: AbortSignal): Promise<Body> {
    await using servers = new ServerList(this.settings, () => {});
    for (let triesLeft = Math.max(1, this.settings.servers.length); ; triesLeft -= 1) {
      const server = await servers.next(signal);
      try {
        return await askFirst(new HttpCaller(server, "config", this.settings), alternatives, signal);
      } catch (error) {
        servers.failed(server);
        const isAway =
          error instanceof NacosError && (error.code === "UNAVAILABLE" || error.code === "TIMEOUT");
        if (!isAway || triesLeft <= 1) throw error;
      }
    }
  }
}

async function askFirst(caller: HttpCaller, alternatives: Alternatives, signal: AbortSignal): Promise<Body> {
  let last: NacosHttpResponse | undefined;
  for (const request of alternatives) {
    last = await caller.sendOwn("ConfigAdminRequest", {}, request, signal);
    if (last.status === 200 && last.text !== "") return jsonOf(last, caller.server);
    // A version that does not know the path; but what is not found is said in Nacos' own words.
    const isUnknownPath = [404, 405, 410, 501].includes(last.status) && !isOwnNotFound(last.text);
    if (!isUnknownPath) break;
  }
  const { status = 0, text = "" } = last ?? {};
  const what = `asking ${caller.server.name}`;
  if ((status === 200 && text === "") || isOwnNotFound(text))
    throw new NacosError("REFUSED", `${what}: not found`, { serverCode: 404 });
  throw refusal(toReply(notDone("ConfigAdminResponse", { status, text, headers: {} })), what);
}

/** Undefined: what was asked for is not there. */
async function unlessAbsent(asked: Promise<Body>): Promise<Body | undefined> {
  try {
    return await asked;
  } catch (error) {
    if (error instanceof NacosError && error.serverCode === 404) return undefined;
    throw error;
  }
}

function isOwnNotFound(text: string): boolean {
  return /"code":\s*2\d{4}/.test(text) || /certain config history.*(not exist|not found)/i.test(text);
}

function pageOf({ page = 1, pageSize = 100 }: PageOptions): Record<string, string> {
  return { pageNo: String(page), pageSize: String(pageSize) };
}

function pageIn<T>(answer: Body, read: (item: Body) => T): Page<T> {
  const page = bodyOf(answer, "data") ?? answer;
  return { items: bodiesOf(page, "pageItems").map(read), total: numberOf(page, "totalCount") };
}

function groupIn(item: Body): string {
  return textOf(item, "groupName") || textOf(item, "group");
}
