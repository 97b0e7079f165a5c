import { z } from "zod";
import {
  addressProblem,
  bytes,
  duration,
  flag,
  integer,
  oneOf,
  params,
  providerUrls,
  text,
  texts,
} from "./scalars.js";

/** Names that a configuration may use beside those of the framework. */
export interface KnownNames {
  /** Default: `failover`, `failfast`, `failsafe`, `broadcast`. */
  readonly clusters?: readonly string[];
  /** Default: `random`, `roundrobin`. */
  readonly loadBalancers?: readonly string[];
}

const clusters = ["failover", "failfast", "failsafe", "broadcast"];
const loadBalancers = ["random", "roundrobin"];

// Keys stand here in camelCase; `time-out`, `timeOut`, `time_out` and `timeout` are one key (key-names.ts), and
// `aliases` are other words that Dubbo for Java or Go has for it. `namedBy`: the map may be a list whose items
// have that key. `shorthand`: a single text stands for that key.

const applicationName = () =>
  text().regex(/^[\w.-]{1,200}$/, "must be 1 to 200 letters, digits, dots, hyphens or underscores");

const application = () =>
  z.object({
    name: applicationName(),
    organization: text().optional(),
    module: text().optional(),
    version: text().optional(),
    owner: text().optional(),
    environment: text().optional(),
    tag: text().optional(),
    metadataType: oneOf(["local", "remote"]).default("local"),
    metadataServicePort: integer(1, 65_535).optional(),
    metadataServiceProtocol: text().optional(),
    host: text()
      .optional()
      .meta({ aliases: ["ip"] }),
    labels: params()
      .default({})
      .meta({ aliases: ["parameters", "params"] }),
  });

const center = {
  address: text(),
  /** Go has the scheme here, and `host:port` in the address. */
  protocol: text().optional(),
  group: text().optional(),
  namespace: text().optional(),
  username: text().optional(),
  password: text().optional(),
  timeout: duration().default(5_000),
  params: params()
    .default({})
    .meta({ aliases: ["parameters"] }),
};

function withAddress<S extends z.ZodRawShape>(shape: S) {
  return z.object({ ...center, ...shape }).superRefine((value, context) => {
    const { address, protocol } = value as { address: string; protocol?: string };
    const message = addressProblem(address, protocol);
    // Never with the input: an address may hold a password.
    if (message !== undefined) context.addIssue({ code: "custom", path: ["address"], message });
  });
}

const registry = () =>
  withAddress({
    registryType: oneOf(["service"], { all: "service" }).optional(),
    check: flag().default(true),
    register: flag().default(true),
    subscribe: flag().default(true),
    useAsMetadataReport: flag()
      .default(true)
      .meta({ aliases: ["useAsMetaReport"] }),
  });

const protocol = () =>
  z.object({
    name: text().optional(),
    host: text()
      .optional()
      .meta({ aliases: ["ip"] }),
    port: integer(-1, 65_535)
      .transform((port) => Math.max(0, port))
      .optional(),
    payload: bytes().default(8_388_608),
    params: params()
      .default({})
      .meta({ aliases: ["parameters"] }),
  });

/** What a method, a service, a reference and a side have in common. */
const call = (names: KnownNames) => ({
  timeout: duration()
    .optional()
    .meta({ aliases: ["requestTimeout"] }),
  retries: integer(0, 100).optional(),
  loadBalance: oneOf([...loadBalancers, ...(names.loadBalancers ?? [])]).optional(),
});

const methods = (names: KnownNames) =>
  z
    .record(z.string(), z.object({ name: text().optional(), ...call(names) }))
    .default({})
    .meta({ namedBy: "name" });

const shared = (names: KnownNames) => ({
  ...call(names),
  version: text().optional(),
  group: text().optional(),
  cluster: oneOf([...clusters, ...(names.clusters ?? [])]).optional(),
  params: params()
    .default({})
    .meta({ aliases: ["parameters"] }),
});

const offered = (names: KnownNames) => ({
  ...shared(names),
  weight: integer(0, 10_000).optional(),
  warmup: duration({ zero: true }).optional(),
  tag: text().optional(),
  token: text().optional(),
  protocols: texts()
    .optional()
    .meta({ aliases: ["protocolIds", "protocol"] }),
  registries: texts()
    .optional()
    .meta({ aliases: ["registryIds", "registry"] }),
});

const asked = (names: KnownNames) => ({
  ...shared(names),
  check: flag().optional(),
  protocol: texts().optional(),
  registries: texts()
    .optional()
    .meta({ aliases: ["registryIds", "registry"] }),
});

const service = (names: KnownNames) =>
  z.object({ interface: text().optional(), ...offered(names), methods: methods(names) });

const reference = (names: KnownNames) =>
  z.object({
    interface: text().optional(),
    ...asked(names),
    providedBy: texts()
      .optional()
      .meta({ aliases: ["provideBy"] }),
    url: providerUrls().optional(),
    methods: methods(names),
  });

const provider = (names: KnownNames) =>
  z.object({ ...offered(names), services: z.record(z.string(), service(names)).default({}) });

const consumer = (names: KnownNames) =>
  z.object({ ...asked(names), references: z.record(z.string(), reference(names)).default({}) });

const logger = () =>
  z.object({
    level: oneOf(["debug", "info", "warn", "error", "silent"], { warning: "warn", off: "silent" }).default(
      "info",
    ),
    format: oneOf(["json", "pretty"], { text: "pretty", console: "pretty" }).default("json"),
    file: text().optional(),
  });

const signals = () =>
  z.union([flag(), z.array(oneOf(["SIGTERM", "SIGINT", "SIGHUP", "SIGQUIT", "SIGUSR2", "SIGBREAK"]))], {
    error: "must be true, false or a list of signals, such as [SIGTERM, SIGINT]",
  });

const shutdown = () =>
  z.object({
    signals: signals()
      .default(false)
      .meta({ aliases: ["internalSignal"] }),
    grace: duration({ zero: true })
      .default(1_000)
      .meta({ aliases: ["consumerUpdateWaitTime"] }),
    timeout: duration().default(30_000),
  });

const cache = () => z.object({ enabled: flag().default(true), directory: text().optional() });

/** The whole file: type, default, range and unit of each key in one place. */
export const configSchema = (names: KnownNames = {}) =>
  z.object({
    application: application()
      .prefault({} as never)
      .meta({ shorthand: "name" }),
    registries: z.record(z.string(), registry().meta({ shorthand: "address" })).default({}),
    metadataReport: withAddress({}).optional().meta({ shorthand: "address" }),
    protocols: z.record(z.string(), protocol()).default({}),
    provider: provider(names).prefault({}),
    consumer: consumer(names).prefault({}),
    logger: logger().prefault({}),
    shutdown: shutdown().prefault({}),
    cache: cache().prefault({}),
  });

/** What the schema makes of a file. */
export type ParsedConfig = z.output<ReturnType<typeof configSchema>>;
