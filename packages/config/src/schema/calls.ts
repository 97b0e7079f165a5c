import { z } from "zod";
import { hot, inert, inerts, key, later } from "./key.js";
import { freeParams, referenceProtocol } from "./protocols.js";
import { duration, flag, integer, oneOf, providerUrls, text, textOrFalse, texts } from "./scalars.js";
import { tls } from "./tls.js";

/** Names that a configuration may use beside those of Dubbo. */
export interface KnownNames {
  /** Clusters of the program's own. */
  readonly clusters?: readonly string[];
  /** Load balancers of the program's own. */
  readonly loadBalancers?: readonly string[];
}

// All that Dubbo has: a service may name one for its consumers that this framework does not have itself. A
// reference that uses such a one is refused by whoever looks it up.
const clusters = [
  "failover",
  "failfast",
  "failsafe",
  "broadcast",
  "failback",
  "forking",
  "available",
  "mergeable",
  "zone-aware",
  "adaptiveService",
];
const loadBalancers = [
  "random",
  "roundrobin",
  "leastactive",
  "shortestresponse",
  "consistenthash",
  "adaptive",
  "p2c",
  "interleavedweightedroundrobin",
  "aliasmethod",
];
const balancerAliases = { consistenthashing: "consistenthash", iwrr: "interleavedweightedroundrobin" };

/** What a method, a service, a reference and a side have in common. */
const call = (names: KnownNames) => ({
  timeout: hot("How long one attempt may take.", duration().optional(), {
    aliases: ["requestTimeout"],
    otherwise: "3s, or what providers publish",
  }),
  retries: hot("Attempts after the first.", integer(0, 100).optional(), {
    otherwise: "2, or what providers publish",
  }),
  loadBalance: hot(
    "Which provider the next call goes to; `random` and `roundrobin` are implemented.",
    oneOf([...loadBalancers, ...(names.loadBalancers ?? [])], balancerAliases).optional(),
    { otherwise: "random, or what providers publish" },
  ),
});

/** A limit, where 0 or less means none. */
const limit = () => {
  const most = 1_000_000_000;
  return integer(-1, most)
    .transform((value) => (value > 0 ? value : undefined))
    .meta({ type: "whole number", json: { type: ["integer", "string", "null"], minimum: -1, maximum: most } })
    .optional();
};

const limits = () => ({
  executeLimit: later("Calls that may run at once; 0 or less: any number.", limit(), {
    aliases: ["executes"],
  }),
  executeLimitRejectedHandler: inert("a call beyond the limit is refused"),
  tpsLimitRate: later("Calls within one interval; 0 or less: any number.", limit(), { aliases: ["tps"] }),
  tpsLimitInterval: later("The interval of the rate.", duration().optional(), { aliases: ["tpsInterval"] }),
  tpsLimitStrategy: later(
    "How calls are counted.",
    oneOf(["slidingWindow", "fixedWindow", "threadSafeFixedWindow"]).optional(),
  ),
  tpsLimitRejectedHandler: inert("a call beyond the limit is refused"),
});

const methods = (names: KnownNames) =>
  key(
    "Settings of single methods: by name, or a list with `name`.",
    z
      .record(
        z.string(),
        z.object({
          name: key("The method's name, in a list.", text().optional()),
          ...call(names),
          weight: later("The provider's share of the calls of this method.", integer(0, 10_000).optional()),
          sticky: later("Whether calls stay with the provider of the last one.", flag().optional()),
          ...limits(),
        }),
      )
      .default({}),
    { namedBy: "name" },
  );

const shared = (names: KnownNames) => ({
  ...call(names),
  version: key("The version of the service.", text().optional()),
  group: key("The group of the service.", text().optional()),
  cluster: hot(
    "What becomes of a call that fails; the first four are implemented.",
    oneOf([...clusters, ...(names.clusters ?? [])]).optional(),
    { otherwise: "failover, or what providers publish" },
  ),
  filter: later("Names of filters around its calls.", texts().optional(), { aliases: ["filters"] }),
  serialization: later("How arguments and results are written: `hessian2`, `protobuf`.", text().optional(), {
    usual: ["hessian2"],
  }),
});

const sideOnly = () => ({
  ...inerts("proxies are made by defineService", "proxy", "proxyFactory"),
  ...inerts("load is not measured by providers", "adaptiveService", "adaptiveServiceVerbose"),
  tracingKey: inert("tracing has no instances by name"),
});

const offered = (names: KnownNames) => ({
  ...shared(names),
  params: freeParams("Further parameters, published as they are."),
  ...limits(),
  weight: hot(
    "The share of the traffic beside other providers. Dubbo's default is 100.",
    integer(0, 10_000).optional(),
    { otherwise: "100" },
  ),
  warmup: hot(
    "How long a provider counts as young and gets less traffic. A bare number is ms, where dubbo-go counts seconds.",
    duration({ zero: true }).optional(),
    { otherwise: "10m" },
  ),
  tag: hot("The tag that routes calls here.", text().optional()),
  token: key("What consumers must send along. Never printed.", text().optional()),
  accessLog: key(
    "`true`: every call is logged, to the log of the application; so it is where a file is named.",
    textOrFalse().optional(),
    {
      aliases: ["accesslog"],
    },
  ),
  tpsLimiter: later("Whether the rate is limited, and how: `default`.", textOrFalse().optional()),
  protocols: key("Ids of the protocols that serve it. Default: all.", texts().optional(), {
    aliases: ["protocolIds", "protocol"],
  }),
  registries: key(
    "Ids of the registries that it is registered in. Not used yet: it is in all of them.",
    texts().optional(),
    {
      aliases: ["registryIds", "registry"],
    },
  ),
  ...inerts("requests are not signed", "auth", "paramSign"),
  maxMessageSize: inert("the protocol's `payload` limits messages"),
});

const asked = (names: KnownNames) => ({
  ...shared(names),
  params: freeParams("`migration.step` and what else Java has of its kind; others have no effect."),
  check: key("Whether a start fails when no provider is found. Default: true.", flag().optional(), {
    otherwise: "true",
  }),
  protocol: key("Protocols to be spoken. Default: whatever providers offer.", texts().optional()),
  registries: key(
    "Ids of the registries where providers are looked up. Not used yet: in all of them.",
    texts().optional(),
    {
      aliases: ["registryIds", "registry"],
    },
  ),
});

/** One of `provider.services:`. */
const service = (names: KnownNames, ofMethods: ReturnType<typeof methods>) =>
  z.object({
    interface: key("The interface. Default: the key.", text().optional()),
    ...offered(names),
    notRegister: later("Whether it is served and not registered.", flag().optional()),
    methods: ofMethods,
  });

/** One of `consumer.references:`. */
const reference = (names: KnownNames, ofMethods: ReturnType<typeof methods>) =>
  z.object({
    interface: key("The interface. Default: the key.", text().optional()),
    ...asked(names),
    providedBy: key("Applications that provide it. Default: those of the mapping.", texts().optional(), {
      aliases: ["provideBy"],
    }),
    url: key("Addresses that are called without asking a registry.", providerUrls().optional()),
    tag: later("The tag of providers that are wanted.", text().optional()),
    forceTag: later("Whether providers without that tag are never called.", flag().optional()),
    sticky: later("Whether calls stay with the provider of the last one.", flag().optional()),
    connections: later("Connections to each provider.", integer(0, 1_000).optional()),
    generic: later("How values without types are written: `true` for maps.", textOrFalse().optional()),
    async: key("No effect: every call is a promise.", flag().optional(), {
      effect: "none",
      why: "every call is a promise",
    }),
    ...inerts("there is no proxyless mesh", "meshProviderPort"),
    tracingKey: inert("tracing has no instances by name"),
    protocolConfig: key("Settings of the protocol for this reference.", referenceProtocol().optional()),
    methods: ofMethods,
  });

/** `provider:`, `consumer:`, and what files of dubbo-go 1.5 have of them at their root. */
export function callSections(names: KnownNames) {
  const ofMethods = methods(names);
  const services = z.record(z.string(), service(names, ofMethods));
  const references = z.record(z.string(), reference(names, ofMethods));
  return {
    provider: z.object({
      ...offered(names),
      ...sideOnly(),
      register: inert("the registries' own `register` says it", { usual: ["true"] }),
      services: key(
        "By a name of your choice; what one leaves out is that of `provider`.",
        services.default({}),
      ),
    }),
    consumer: z.object({
      ...asked(names),
      ...sideOnly(),
      connectTimeout: inert("connecting is part of a call's timeout"),
      maxWaitTimeForServiceDiscovery: inert(
        "a start waits until the metadata is there or the lookup has failed",
      ),
      meshEnabled: inert("there is no proxyless mesh"),
      tls: key(
        "How providers are called. Default: as the file's `tls` says, where that has a `ca-file`.",
        tls().optional(),
      ),
      references: key(
        "By a name of your choice; what one leaves out is that of `consumer`.",
        references.default({}),
      ),
    }),
    // Moved below `provider` and `consumer` before anything is checked (older-files.ts).
    older: {
      services: key("`provider.services`.", services.optional()),
      references: key("`consumer.references`.", references.optional()),
      check: key("`consumer.check`.", flag().optional()),
      requestTimeout: key("`consumer.timeout`.", duration().optional()),
      filter: key("`provider.filter` in a file with services, else `consumer.filter`.", texts().optional()),
    },
  };
}
