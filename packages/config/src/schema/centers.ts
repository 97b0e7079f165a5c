import { z } from "zod";
import { inert, key, later } from "./key.js";
import { addressProblem, duration, flag, integer, oneOf, params, text } from "./scalars.js";

/** What registries, metadata reports, configuration centers and the remotes of older files have in common. */
const center = (timeoutMs = 5_000) => ({
  address: key(
    "`scheme://host:port`, several hosts after commas; the scheme may stand in `protocol` instead.",
    text(),
  ),
  protocol: key("The scheme, where the address has none: `nacos`, `zookeeper`.", text().optional()),
  group: key("The group within the server.", text().optional()),
  namespace: key("The namespace within the server.", text().optional()),
  username: key("Who logs in.", text().optional()),
  password: key("The password. Never printed.", text().optional()),
  timeout: key("How long one request to the server may take.", duration().default(timeoutMs)),
  params: key("What the adapter of the server understands besides.", params().default({}), {
    aliases: ["parameters"],
  }),
  remoteRef: key("The one of `remote` whose settings hold here (older files).", text().optional()),
});

function withAddress<S extends z.ZodRawShape>(shape: S, timeoutMs?: number) {
  return z.object({ ...center(timeoutMs), ...shape }).superRefine((value, context) => {
    const { address, protocol } = value as { address: string; protocol?: string };
    const message = addressProblem(address, protocol);
    // Never with the input: an address may hold a password.
    if (message !== undefined) context.addIssue({ code: "custom", path: ["address"], message });
  });
}

const zoneAware = "Matters with a cluster that knows zones.";

/** What is registered, in the words of Java (`instance`) and Go (`service`). */
export const registerMode = () => oneOf(["service", "interface", "all"], { instance: "service" });

/** One of `registries:`. */
export const registry = () =>
  withAddress({
    registryType: key(
      "What is registered: the application (`service`, or `instance`), each interface as Dubbo 2 does (`interface`), or both (`all`). Default: `application.register-mode`.",
      registerMode().optional(),
      { aliases: ["registerMode"] },
    ),
    check: key("Whether a start fails when the registry cannot be reached.", flag().default(true)),
    register: key("Whether instances are registered here.", flag().default(true)),
    subscribe: key("Whether providers are looked up here.", flag().default(true)),
    useAsMetadataReport: key(
      "Whether it keeps metadata and mapping too, unless there is a metadata report.",
      flag().default(true),
      { aliases: ["useAsMetaReport"] },
    ),
    useAsConfigCenter: key(
      "Whether settings and rules may be read from it, unless there is a configuration center.",
      flag().default(true),
    ),
    preferred: later(`Whether it is asked first. ${zoneAware}`, flag().default(false)),
    zone: later(`The zone that it stands for. ${zoneAware}`, text().optional()),
    weight: later(`Its share of the calls. ${zoneAware}`, integer(0, 10_000).optional()),
    simplified: inert("shortens the URLs of interface-level registration"),
    ttl: inert("records live as long as the connection to the registry"),
  });

/** `metadata-report:`. */
export const metadataReport = () => withAddress({});

/** `config-center:`. */
export const configCenter = () =>
  withAddress(
    {
      dataId: key("The name of the file of settings. Default: `dubbo.properties`.", text().optional(), {
        aliases: ["configFile"],
      }),
      appDataId: key(
        "The name of this application's own file of settings. Default: that of `data-id`.",
        text().optional(),
        {
          aliases: ["appConfigFile"],
        },
      ),
      fileExtension: key(
        "What the file is written in. Seen from the text, whatever stands here.",
        oneOf(["yaml", "yml", "json", "properties"]).optional(),
      ),
      check: key(
        "Whether a start fails when the configuration center cannot be reached.",
        flag().default(true),
      ),
      appId: later("The application as the configuration center calls it.", text().optional()),
      cluster: later("The cluster within the server.", text().optional()),
      highestPriority: inert("it wins over files and environment always", { usual: ["true"] }),
      logDir: inert("the clients write to the application's log"),
    },
    10_000,
  );

/** One of `remote:` in older files: settings of a server, which others refer to by its name. */
export const remote = () => {
  const { address, remoteRef: _none, timeout: _default, ...others } = center();
  return z.object({
    ...others,
    address: address.optional(),
    timeout: key("How long one request to the server may take.", duration().optional()),
  });
};

/** One of `service_discovery:` in older files: how the registry of that name finds instances. */
export const serviceDiscovery = () =>
  z.object({
    protocol: key("The scheme of the server.", text().optional()),
    remoteRef: key("The one of `remote` that is the server.", text().optional()),
    group: key("The group within the server.", text().optional()),
  });
