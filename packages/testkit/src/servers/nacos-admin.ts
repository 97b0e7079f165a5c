import { waitFor } from "../wait-for.js";
import { httpCall } from "./http-call.js";

/** An instance as an operator names it, and what he changes about it. */
export interface NacosInstanceChange {
  readonly serviceName: string;
  readonly ip: string;
  readonly port: number;
  readonly weight?: number;
  readonly enabled?: boolean;
  /** Takes the place of all that there was. */
  readonly metadata?: Readonly<Record<string, string>>;
  /** Default `public`. */
  readonly namespaceId?: string;
  /** Default `DEFAULT_GROUP`. */
  readonly groupName?: string;
  /** Default `DEFAULT`. */
  readonly clusterName?: string;
}

/** Which service is meant. */
export interface NacosServiceName {
  readonly serviceName: string;
  /** Default `public`. */
  readonly namespaceId?: string;
  /** Default `DEFAULT_GROUP`. */
  readonly groupName?: string;
}

/** An instance as Nacos' HTTP interface lists it. */
export interface NacosListedInstance {
  readonly ip: string;
  readonly port: number;
  readonly weight: number;
  readonly healthy: boolean;
  readonly enabled: boolean;
  readonly ephemeral: boolean;
  readonly clusterName: string;
  readonly metadata: Readonly<Record<string, string>>;
}

/**
 * What an operator of Nacos does, over HTTP, as the administrator where there is one. Every method throws an
 * {@link Error} with the server's answer when it is not "done".
 */
export interface NacosAdmin {
  createNamespace(namespaceId: string, name?: string): Promise<void>;
  /** The ids; `public` is among them. */
  namespaces(): Promise<readonly string[]>;
  createUser(username: string, password: string): Promise<void>;
  /** Gives a user a role, which thereby exists. */
  createRole(role: string, username: string): Promise<void>;
  /** Allows a role `r`, `w` or `rw` on a resource such as `ns1:*:*`. */
  grant(role: string, resource: string, action: "r" | "w" | "rw"): Promise<void>;
  updateInstance(change: NacosInstanceChange): Promise<void>;
  /** Makes the service where there is none. Below this share of healthy instances all are handed out. */
  setProtectThreshold(service: NacosServiceName, threshold: number): Promise<void>;
  /** As the server lists it, those that are not enabled left out. */
  instances(service: NacosServiceName): Promise<readonly NacosListedInstance[]>;
  /** Asks a client (the id of its connection) to go to another server, `ip:port`; empty: anywhere. */
  reloadClient(connectionId: string, redirectAddress?: string): Promise<void>;
  /** Sends any other request, to a path below `/nacos/`, and gives back the body of its answer. */
  call(method: "GET" | "POST" | "PUT" | "DELETE", path: string, fields?: Fields): Promise<string>;
  /** Makes the administrator where the data is new. */
  ensureAdministrator(): Promise<void>;
}

type Fields = Readonly<Record<string, string | number | boolean | undefined>>;

/** Where the two lines of Nacos have the same thing. */
const paths = {
  2: {
    namespace: "v2/console/namespace",
    service: "v2/ns/service",
    instance: "v1/ns/instance",
    reload: "v2/core/loader/reloadClient",
    reloadMethod: "GET",
    administrator: "v1/auth/users/admin",
    login: "v1/auth/users/login",
    user: "v1/auth/users",
    role: "v1/auth/roles",
    permission: "v1/auth/permissions",
  },
  3: {
    namespace: "v3/admin/core/namespace",
    service: "v3/admin/ns/service",
    instance: "v3/admin/ns/instance",
    reload: "v3/admin/core/loader/reloadClient",
    reloadMethod: "POST",
    administrator: "v3/auth/user/admin",
    login: "v3/auth/user/login",
    user: "v3/auth/user",
    role: "v3/auth/role",
    permission: "v3/auth/permission",
  },
} as const;

/** {@link NacosAdmin} of the server at `http`. */
export function nacosAdmin(
  http: string,
  major: 2 | 3,
  administrator: { readonly username: string; readonly password: string } | undefined,
): NacosAdmin {
  return new HttpAdmin(http, major, administrator);
}

class HttpAdmin implements NacosAdmin {
  constructor(
    private readonly http: string,
    private readonly major: 2 | 3,
    private readonly administrator: { readonly username: string; readonly password: string } | undefined,
  ) {}

  get #paths(): (typeof paths)[2 | 3] {
    return paths[this.major];
  }

  async createNamespace(namespaceId: string, name = namespaceId): Promise<void> {
    await this.call("POST", this.#paths.namespace, { namespaceId, namespaceName: name });
    // A change goes through raft.
    const isThere = async () => (await this.namespaces()).includes(namespaceId);
    await waitFor(isThere, { what: `namespace ${namespaceId}`, intervalMs: 50 });
  }

  async namespaces(): Promise<readonly string[]> {
    const { data } = JSON.parse(await this.call("GET", `${this.#paths.namespace}/list`)) as {
      data: { namespace: string }[];
    };
    return data.map(({ namespace }) => namespace || "public");
  }

  async createUser(username: string, password: string): Promise<void> {
    await this.call("POST", this.#paths.user, { username, password });
    const canLogIn = async () => (await this.#login({ username, password })).length > 0;
    await waitFor(canLogIn, { timeoutMs: 20_000, intervalMs: 50, what: `user ${username}` });
  }

  async createRole(role: string, username: string): Promise<void> {
    await this.call("POST", this.#paths.role, { role, username });
  }

  async grant(role: string, resource: string, action: "r" | "w" | "rw"): Promise<void> {
    await this.call("POST", this.#paths.permission, { role, resource, action });
  }

  async updateInstance({ metadata, ...change }: NacosInstanceChange): Promise<void> {
    const fields = { groupName: "DEFAULT_GROUP", clusterName: "DEFAULT", ephemeral: true, ...change };
    const text = metadata === undefined ? {} : { metadata: JSON.stringify(metadata) };
    await this.call("PUT", this.#paths.instance, { weight: 1, enabled: true, ...fields, ...text });
  }

  async setProtectThreshold(service: NacosServiceName, protectThreshold: number): Promise<void> {
    const fields = { groupName: "DEFAULT_GROUP", ...service, protectThreshold, ephemeral: true };
    const exists = (await this.#answer("GET", this.#paths.service, { ...service })).status === 200;
    await this.call(exists ? "PUT" : "POST", this.#paths.service, fields);
  }

  async instances(service: NacosServiceName): Promise<readonly NacosListedInstance[]> {
    const answer = await this.call("GET", "v1/ns/instance/list", { ...service });
    return (JSON.parse(answer) as { hosts: NacosListedInstance[] }).hosts;
  }

  async reloadClient(connectionId: string, redirectAddress = ""): Promise<void> {
    await this.call(this.#paths.reloadMethod, this.#paths.reload, { connectionId, redirectAddress });
  }

  async call(method: "GET" | "POST" | "PUT" | "DELETE", path: string, fields: Fields = {}): Promise<string> {
    const { status, body } = await this.#answer(method, path, fields);
    if (status !== 200) throw new Error(`${method} ${path}: Nacos answered ${status} ${body}`);
    return body;
  }

  async ensureAdministrator(): Promise<void> {
    if (this.administrator === undefined) return;
    const { username, password } = this.administrator;
    // Refused where it exists. Just after the start it may be refused as well.
    const canLogIn = async () => {
      await httpCall("POST", `${this.http}/${this.#paths.administrator}?${query({ password })}`);
      return (await this.#login({ username, password })).length > 0;
    };
    await waitFor(canLogIn, { timeoutMs: 30_000, intervalMs: 100, what: "Nacos' administrator" });
  }

  async #answer(method: "GET" | "POST" | "PUT" | "DELETE", path: string, fields: Fields) {
    const token = this.administrator === undefined ? undefined : await this.#login(this.administrator);
    const url = `${this.http}/${path}?${query({ ...fields, accessToken: token })}`;
    return httpCall(method, url, token === undefined ? {} : { headers: { accessToken: token } });
  }

  async #login(who: { readonly username: string; readonly password: string }): Promise<string> {
    const { status, body } = await httpCall("POST", `${this.http}/${this.#paths.login}?${query(who)}`);
    if (status !== 200) throw new Error(`Nacos refuses ${who.username}: ${status} ${body}`);
    return (JSON.parse(body) as { accessToken: string }).accessToken;
  }
}

function query(fields: Fields): string {
  const text = new URLSearchParams();
  for (const [key, value] of Object.entries(fields)) if (value !== undefined) text.set(key, String(value));
  return text.toString();
}
