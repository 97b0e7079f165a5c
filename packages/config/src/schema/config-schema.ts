import { z } from "zod";
import { callSections, type KnownNames } from "./calls.js";
import { configCenter, metadataReport, registerMode, registry, remote, serviceDiscovery } from "./centers.js";
import { inert, inerts, key, later } from "./key.js";
import { logger, metrics, otel } from "./observability.js";
import { protocol } from "./protocols.js";
import { data, duration, flag, integer, oneOf, params, positive, text } from "./scalars.js";
import { tls } from "./tls.js";

// Keys stand here in camelCase; `time-out`, `timeOut`, `time_out` and `timeout` are one key (key-names.ts), and
// `aliases` are other words that Dubbo for Java or Go has for it.

const applicationName = () =>
  text()
    .regex(/^[\w.-]{1,200}$/, "must be 1 to 200 letters, digits, dots, hyphens or underscores")
    .meta({ type: "name", json: { type: ["string", "number"] } });

const stepNames = ["force-interface", "application-first", "force-application"] as const;

const migration = () =>
  z.object({
    step: key(
      "`force-interface`: what providers register for each interface; `force-application`: for the application; `application-first`: the latter where there is any. Default: `application-first`.",
      oneOf(stepNames).optional(),
    ),
    threshold: key(
      "So many addresses of applications there must be for each one of the interface before they are taken.",
      positive().default(0),
    ),
    proportion: key(
      "Per cent of the calls that go to addresses of applications in `application-first`.",
      integer(0, 100).default(100),
      { aliases: ["promotion"] },
    ),
    delay: key("How long a changed `force-...` step waits.", duration({ zero: true }).default(0)),
    force: key("Whether a `force-...` step holds though there may be nobody to call.", flag().default(false)),
  });

const applicationDiscovery = () =>
  z.object({ migration: key("The step of `migration`.", oneOf(stepNames).optional()) });

const application = () =>
  z.object({
    name: key(
      "The name that is registered. The only setting without which nothing starts.",
      applicationName(),
    ),
    organization: key("Whom it belongs to.", text().optional()),
    module: key("The part of the application.", text().optional()),
    group: key("The group of the application.", text().optional()),
    version: key("The application's own version.", text().optional()),
    owner: key("Who looks after it.", text().optional()),
    environment: key("`dev`, `test`, `prod`.", text().optional()),
    tag: key("The tag of the instance, for routing.", text().optional()),
    metadataType: key(
      "Where consumers look up the metadata of a revision: they ask the provider (`local`) or the metadata report.",
      oneOf(["local", "remote"]).default("local"),
    ),
    metadataServicePort: key(
      "The port that serves metadata. Default: that of the protocol which serves it.",
      integer(1, 65_535).optional(),
    ),
    metadataServiceProtocol: key("The protocol that serves metadata.", text().optional()),
    registerMode: key(
      "What is registered where a registry does not say it: the application (`service`, or `instance`), each interface as Dubbo 2 does (`interface`), or both (`all`).",
      registerMode().default("service"),
    ),
    migration: key(
      "Where a consumer takes its providers from. A rule in the configuration center wins.",
      migration().prefault({}),
      { shorthand: "step" },
    ),
    serviceDiscovery: key("Java's place for the step.", applicationDiscovery().prefault({})),
    host: key("The address that is registered. Default: found out.", text().optional(), { aliases: ["ip"] }),
    labels: key("More keys of the instance record.", params().default({}), {
      aliases: ["parameters", "params"],
    }),
  });

const signals = () =>
  z
    .union([flag(), z.array(oneOf(["SIGTERM", "SIGINT", "SIGHUP", "SIGQUIT", "SIGUSR2", "SIGBREAK"]))], {
      error: "must be true, false or a list of signals, such as [SIGTERM, SIGINT]",
    })
    .meta({ type: "true, false or signals", json: { type: ["boolean", "string", "array", "null"] } });

const boundedByTimeout = "the stop as a whole is bounded by `timeout`";

const shutdown = () =>
  z.object({
    signals: key(
      "Signals that stop the application; `true` means SIGTERM and SIGINT.",
      signals().default(false),
      {
        aliases: ["internalSignal"],
      },
    ),
    grace: key(
      "How long calls are still served after deregistering, so that consumers hear of it.",
      duration({ zero: true }).default(1_000),
      { aliases: ["consumerUpdateWaitTime"] },
    ),
    timeout: key("How long the whole stop may take.", duration().default(30_000)),
    ...inerts(boundedByTimeout, "stepTimeout", "notifyTimeout", "offlineRequestWindowTimeout"),
    closingInvokerExpireTime: inert("a provider that is leaving is not called until it is listed anew"),
    rejectHandler: inert("a call that comes too late is refused"),
  });

const cache = () =>
  z.object({
    enabled: key(
      "Whether what was known last is kept on disk, for a start without registry.",
      flag().default(true),
    ),
    directory: key("The folder. Default: one of the user's.", text().optional()),
  });

const rule = () =>
  z.object({
    scope: key("What `key` names.", oneOf(["service", "application"]).default("service")),
    key: key("The service `interface:version:group`, or the application.", text().optional()),
    configVersion: key("`v3.0` or `v3.1`.", text().optional()),
    force: key("Whether no provider is better than one that the rule leaves out.", flag().default(false)),
    runtime: key("Whether the rule is applied to every call.", flag().default(true)),
    enabled: key("Whether the rule holds.", flag().default(true)),
    valid: inert("the rule itself tells", { usual: ["true"] }),
    dynamic: inert("the rule lasts as long as the file", { usual: ["true"] }),
    priority: key("Rules with a higher one come first.", integer(-1_000_000, 1_000_000).default(0)),
    conditions: key("Conditions, as in `method=get* => env=gray`.", z.array(data()).optional()),
    tags: key("Tags and the addresses that have them.", z.array(data()).optional()),
    affinityAware: key("Providers that are alike are preferred.", data()),
    ...inerts("scripts are not run", "type", "script"),
  });

/** The root of files of dubbo-go 1.5. */
const olderKeys = {
  remote: key(
    "Servers by name, for `remote_ref`.",
    z.record(z.string(), remote().meta({ shorthand: "address" })).optional(),
  ),
  serviceDiscovery: key(
    "What a registry with `protocol: service-discovery` means, by name.",
    z.record(z.string(), serviceDiscovery()).optional(),
  ),
  connectTimeout: inert("connecting is part of a call's timeout"),
  proxyFactory: inert("proxies are made by defineService"),
  protocolConf: inert("settings of sessions and sockets of dubbo-go"),
  filterConf: inert("filters of dubbo-go's extensions"),
  configType: inert("the files' endings tell"),
};

/** The whole file: type, default, range and unit of each key in one place. */
export function configSchema(names: KnownNames = {}) {
  const { provider, consumer, older } = callSections(names);
  return z.object({
    application: key("What this program is.", application().prefault({} as never), { shorthand: "name" }),
    registries: key(
      "Where instances are registered and looked up, by an id of your choice.",
      z.record(z.string(), registry().meta({ shorthand: "address" })).default({}),
    ),
    metadataReport: key(
      "Where metadata and mapping are kept, if not in the registries.",
      metadataReport().optional(),
      {
        shorthand: "address",
      },
    ),
    configCenter: key(
      "Where settings and rules are read that change while the program runs. Default: the registries.",
      configCenter().optional(),
      {
        shorthand: "address",
      },
    ),
    protocols: key(
      "What providers speak, by an id of your choice.",
      z.record(z.string(), protocol()).default({}),
    ),
    provider: key("Defaults of all services, and the services.", provider.prefault({})),
    consumer: key("Defaults of all references, and the references.", consumer.prefault({})),
    logger: key("What is logged, and where to.", logger().prefault({})),
    shutdown: key("How the application stops.", shutdown().prefault({}), { aliases: ["shutdownConf"] }),
    cache: key("What is kept on disk.", cache().prefault({})),
    tls: key("Encrypted connections, of protocols and of consumers.", tls().optional(), {
      aliases: ["tlsConfig"],
    }),
    router: later("Rules that choose among providers.", z.array(rule()).default([])),
    metrics: key("Numbers of the running program.", metrics().prefault({})),
    otel: key("Traces of the running program.", otel().prefault({})),
    custom: key(
      "Settings of your own.",
      z.object({ configMap: key("By name.", z.record(z.string(), data()).default({})) }).prefault({}),
    ),
    profiles: key(
      "The file is joined by another one beside it.",
      z
        .object({ active: key("With `dev`, `dubbo-dev.yaml` is laid over `dubbo.yaml`.", text().optional()) })
        .optional(),
    ),
    tracing: inert("`otel` has its place"),
    eventDispatcherType: inert("there is no event dispatcher", { usual: ["direct"] }),
    cacheFile: inert("`cache` has its place"),
    ...olderKeys,
    ...older,
  });
}

/** The schema without names of a program's own. */
export const standardSchema = configSchema();

/** What the schema makes of a file. */
export type ParsedConfig = z.output<typeof standardSchema>;
