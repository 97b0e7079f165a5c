import { type NacosMajor, nacosAvailable, realServer, startNacos } from "@dubbo-ts/testkit";
import { startNacosServer } from "./nacos-server.js";
import {
  config,
  instance,
  type Json,
  name,
  query,
  register,
  subscribe,
  until,
  WireClient,
} from "./test-support.js";

/** What was asked, and what came back. */
type Played = Record<string, unknown>;

/**
 * The exchanges of nacos-server 7, and those that it says are taken or refused, against the server at `port`. Times and
 * ids, which no two servers share, are replaced by what they are.
 */
async function play(port: number): Promise<Played> {
  const played: Played = {};
  const clients: WireClient[] = [];
  const fresh = () => {
    const client = new WireClient(port);
    clients.push(client);
    return client;
  };
  try {
    await setUps(fresh, played);
    await naming(await fresh().setUp(), await fresh().setUp(), played);
    await instances(await fresh().setUp(), played);
    await configs(await fresh().setUp(), played);
    await parameters(await fresh().setUp(), played);
    return played;
  } finally {
    for (const client of clients) client.close();
  }
}

async function setUps(fresh: () => WireClient, played: Played): Promise<void> {
  const stranger = fresh();
  const ask = async (what: string, ...request: Parameters<WireClient["ask"]>) => {
    played[what] = plain(await stranger.ask(...request));
  };
  await ask("a check", "ServerCheckRequest", { requestId: "1", headers: {}, module: "internal" });
  await ask("health before the set-up", "HealthCheckRequest", {});
  await ask("an unknown type before the set-up", "NoSuchRequest", {});
  const client = await fresh().setUp();
  await until(() => client.pushesOf("SetupAckRequest").length === 1);
  played["the set-up"] = client.pushesOf("SetupAckRequest").map(({ abilityTable, ...rest }) => ({
    ...rest,
    abilities: typeof abilityTable,
  }));
  played["an unknown type"] = plain(await client.ask("NoSuchRequest", {}));
  played["a body that is no JSON"] = plain(await client.ask("HealthCheckRequest", Buffer.from("{no json")));
  played["an empty body"] = plain(await client.ask("HealthCheckRequest", Buffer.alloc(0)));
  played["health"] = plain(await client.ask("HealthCheckRequest", {}));
  const silent = await fresh().setUp(null);
  played["a set-up without abilities"] = silent.pushed.map(({ type }) => type);
}

async function naming(provider: WireClient, consumer: WireClient, played: Played): Promise<void> {
  const service = "demo-app";
  const lists = () => consumer.lists.map((list) => list.join());
  const ask = async (what: string, client: WireClient, request: readonly [string, Json]) => {
    played[what] = plain(await client.ask(...request));
  };
  await ask("register", provider, register(service, 50051));
  await until(async () => hostsOf(await consumer.ask(...query(service))).length === 1);
  await ask("subscribe", consumer, subscribe(service));
  await until(() => consumer.lists.length === 1);
  played["the push after a subscription"] = consumer.pushesOf("NotifySubscriberRequest").map(plainBody);
  await ask("register again", provider, register(service, 50052));
  await until(() => lists().at(-1) === "10.0.0.1:50052");
  const batch = {
    type: "batchRegisterInstance",
    instances: [instance(1), instance(2, { enabled: false }), instance(3)],
  };
  await ask("register a batch", provider, ["BatchInstanceRequest", name(service, batch)]);
  await until(() => lists().at(-1) === "10.0.0.1:1,10.0.0.1:3");
  await ask("a cluster that is not there", consumer, query(service, { cluster: "other" }));
  const leave = { type: "deregisterInstance", instance: instance(9, { ip: "10.9.9.9" }) };
  await ask("deregister, whatever address", provider, ["InstanceRequest", name(service, leave)]);
  await until(() => lists().at(-1) === "");
  await ask("the empty service", consumer, query(service));
  await ask("unsubscribe", consumer, subscribe(service, { subscribe: false }));
  await ask("a service that is not there", consumer, query("nope"));
  await ask("the services", consumer, [
    "ServiceListRequest",
    name("", { pageNo: 1, pageSize: 0, groupName: "none" }),
  ]);
  await ask("a namespace of no name", consumer, query(service, { namespace: "" }));
  // Real servers fall over their own null here and say so in words of their virtual machine, if at all.
  const wordless = async (what: string, request: readonly [string, Json]) => {
    const { message: _, ...rest } = plain(await consumer.ask(...request));
    played[what] = rest;
  };
  for (const absent of ["namespace", "groupName", "serviceName"]) {
    const without = { [absent]: undefined };
    await wordless(`a query without ${absent}`, query(service, without));
    await wordless(`a registration without ${absent}`, register(service, 1, {}, without));
    await wordless(`a subscription without ${absent}`, subscribe(service, without));
  }
  await wordless("a list without namespace", [
    "ServiceListRequest",
    name("", { pageNo: 1, pageSize: 10, namespace: undefined }),
  ]);
}

async function instances(client: WireClient, played: Played): Promise<void> {
  const shown = async (what: string, more: Json) => {
    const service = `shown-${Object.keys(played).length}`;
    const answer = plain(await client.ask(...register(service, 80, more)));
    const read = async () => hostsOf(await client.ask(...query(service)));
    const isThere = more["enabled"] !== false && answer["resultCode"] === 200;
    if (isThere) await until(async () => (await read()).length === 1);
    played[what] = { answer, hosts: await read() };
  };
  await shown("weight 0 and unhealthy", { weight: 0, healthy: false });
  await shown("weight of a billion", { weight: 1e9 });
  await shown("a negative weight", { weight: -1 });
  await shown("not enabled", { enabled: false });
  await shown("with a name of the service", { serviceName: "own" });
  await shown("no port", { port: undefined });
  await shown("IPv6", { ip: "::1" });
  await shown("a host name", { ip: "host.example" });
  await shown("texts beyond ASCII", { metadata: { note: "größer 漢字" } });
  const persistent = name("persist", {
    type: "registerInstance",
    instance: instance(7, { ephemeral: false }),
  });
  played["persistent"] = plain(await client.ask("PersistentInstanceRequest", persistent));
  await until(async () => hostsOf(await client.ask(...query("persist"))).length === 1);
  played["the persistent instance"] = hostsOf(await client.ask(...query("persist")));
  played["ephemeral beside persistent"] = plain(await client.ask(...register("persist", 8)));
  const leave = { ...persistent, type: "deregisterInstance" };
  played["persistent, removed"] = plain(await client.ask("PersistentInstanceRequest", leave));
  await until(async () => hostsOf(await client.ask(...query("persist"))).length === 0);
}

async function configs(client: WireClient, played: Played): Promise<void> {
  const ask = async (what: string, type: string, body: Json) => {
    played[what] = plain(await client.ask(type, body));
  };
  const content = async () => (await client.ask("ConfigQueryRequest", config("k1"))).body["content"];
  const listen = (md5: string) => ({
    module: "config",
    listen: true,
    configListenContexts: [{ group: "DEFAULT_GROUP", dataId: "k1", tenant: "", md5 }],
  });
  await ask("an absent config", "ConfigQueryRequest", config("absent"));
  await ask("publish", "ConfigPublishRequest", config("k1", { content: "v1" }));
  await until(async () => (await content()) === "v1");
  await ask("the config", "ConfigQueryRequest", config("k1"));
  await ask("listen with another md5", "ConfigBatchListenRequest", listen(""));
  await ask("listen with its md5", "ConfigBatchListenRequest", listen("6654c734ccab8f440ff0825eb443dc7f"));
  const md5 = { casMd5: "6654c734ccab8f440ff0825eb443dc7f" };
  await ask("compare and set", "ConfigPublishRequest", config("k1", { content: "v2", ...md5 }));
  await until(() => client.pushesOf("ConfigChangeNotifyRequest").length >= 1);
  played["the push of a change"] = client.pushesOf("ConfigChangeNotifyRequest").map(plainBody)[0];
  await until(async () => (await content()) === "v2");
  await ask("compare and set, lost", "ConfigPublishRequest", config("k1", { content: "v3", ...md5 }));
  await ask(
    "compare and set of nothing",
    "ConfigPublishRequest",
    config("k2", { content: "v", casMd5: "0" }),
  );
  await ask("blank content", "ConfigPublishRequest", config("k3", { content: "  " }));
  await ask("remove", "ConfigRemoveRequest", config("k1"));
  await ask("remove what is absent", "ConfigRemoveRequest", config("absent"));
}

/** What is refused, or taken, by the parameters alone. */
async function parameters(client: WireClient, played: Played): Promise<void> {
  const long = (length: number) => "x".repeat(length);
  const cases: Record<string, readonly [string, Json]> = {
    "port 65536": register("checked", 65536),
    "port -1": register("checked", -1),
    "a blank in the ip": register("checked", 1, { ip: "a b" }),
    "a Chinese ip": register("checked", 1, { ip: "漢" }),
    "metadata of 1024": register("checked", 1, { metadata: { k: long(1023) } }),
    "metadata of 1025": register("checked", 1, { metadata: { k: long(1024) } }),
    "a cluster with _": register("checked", 1, { clusterName: "a_b" }),
    "a cluster with a blank": register("checked", 1, { clusterName: "a b" }),
    "a cluster of 65": register("checked", 1, { clusterName: long(65) }),
    "a service of 512": register(long(512), 1),
    "a service of 513": register(long(513), 1),
    "a service with : and /": register("a:b/c", 1),
    "a service with a blank": register("a b", 1),
    "a service with @@": register("a@@b", 1),
    "a Chinese service": register("漢", 1),
    "a group of 128": register("checked", 1, {}, { groupName: long(128) }),
    "a group of 129": register("checked", 1, {}, { groupName: long(129) }),
    "a group with a blank": register("checked", 1, {}, { groupName: "a b" }),
    "a namespace with a blank": register("checked", 1, {}, { namespace: "a b" }),
    "a namespace of 65": register("checked", 1, {}, { namespace: long(65) }),
    "an unknown namespace": register("checked", 1, {}, { namespace: "unheard-of" }),
    "an unknown type": ["InstanceRequest", name("checked", { type: "nothing", instance: instance(1) })],
    "no instance": ["InstanceRequest", name("checked", { type: "registerInstance" })],
    "an unknown batch type": ["BatchInstanceRequest", name("checked", { type: "nothing", instances: [] })],
    "a subscription of a group with a blank": subscribe("checked", { groupName: "a b" }),
    "a query of a service with a blank": query("a b"),
    "a dataId of 256": ["ConfigQueryRequest", config(long(256))],
    "a dataId of 257": ["ConfigQueryRequest", config(long(257))],
    "a dataId with :": ["ConfigQueryRequest", config("a:b")],
    "a dataId with /": ["ConfigQueryRequest", config("a/b")],
    "a dataId with a blank": ["ConfigQueryRequest", config("a b")],
    "a dataId with ,": ["ConfigPublishRequest", config("a,b", { content: "v" })],
    "a dataId with *": ["ConfigPublishRequest", config("a*b", { content: "v" })],
    "a config group of 129": ["ConfigQueryRequest", config("k", { group: long(129) })],
    "a tenant with a blank": ["ConfigQueryRequest", config("k", { tenant: "a b" })],
  };
  for (const [what, request] of Object.entries(cases)) played[what] = plain(await client.ask(...request));
}

/** An answer with its type; what is of the moment is replaced by its kind, `allIPs` of older servers by `allIps`. */
function plain({ type, body }: { readonly type: string; readonly body: Json }): Json {
  return { type, ...plainBody(body) };
}

function plainBody(body: Json): Json {
  return JSON.parse(JSON.stringify(body), (key, value: unknown) => {
    if (["lastRefTime", "lastModified"].includes(key) && Number(value) > 0) return "a time";
    if (["connectionId", "requestId"].includes(key)) return typeof value;
    if (key === "message" && typeof value === "string") return wording(value);
    if (key === "serviceInfo" && typeof value === "object" && value !== null) return infoOf(value as Json);
    return value;
  }) as Json;
}

function infoOf({ allIPs, ...info }: Json): Json {
  return { ...info, allIps: info["allIps"] ?? allIPs, hosts: (info["hosts"] as Json[]).map(hostOf) };
}

// At times, and on no version always.
function hostOf(host: Json): Json {
  return Object.fromEntries(Object.entries(host).filter(([key]) => key !== "instanceIdGenerator"));
}

function hostsOf({ body }: { readonly body: Json }): Json[] {
  return ((body["serviceInfo"] as Json)["hosts"] as Json[]).map(hostOf);
}

/** Both versions say the same thing with other blanks and dots. */
function wording(message: string): string {
  return message.replaceAll(/[\s.]+/g, "").toLowerCase();
}

async function embedded(): Promise<Played> {
  await using server = await startNacosServer({ port: 0, pushDelayMs: 500 });
  return await play(server.port);
}

for (const major of [3, 2] satisfies NacosMajor[])
  realServer(`the embedded registry beside a real Nacos ${major}`, nacosAvailable(major), () => {
    test("answers and pushes the same, errors included", async () => {
      await using server = await startNacos({ major });
      const [real, own] = await Promise.all([play(server.port), embedded()]);
      expect(Object.keys(own)).toEqual(Object.keys(real));
      expect(own).toEqual(real);
    }, 400_000);
  });
