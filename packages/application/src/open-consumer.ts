import { createInvokerPool } from "@dubbo-ts/cluster";
import { type DisposalScope, endpointKey, type Runtime, type ServiceInstance } from "@dubbo-ts/core";
import {
  createInterfaceDiscovery,
  createMigratingDiscovery,
  createServiceDiscovery,
  type MigratingDiscovery,
} from "@dubbo-ts/discovery";
import type { Filter } from "@dubbo-ts/rpc";
import { metadataServiceCaller } from "./call-metadata-service.js";
import { Consumer } from "./consumer.js";
import { openDiscoveryCache } from "./discovery-cache.js";
import type { LiveConfig } from "./live-config/live-config.js";
import type { LocalExports } from "./local-exports.js";
import { Migration } from "./migration.js";
import type { ProtocolTable } from "./protocols.js";
import type { Policies } from "./reference-settings.js";
import type { OpenRegistries } from "./registries.js";

/** What {@link openConsumer} needs. */
export interface OpenConsumerOptions {
  readonly live: LiveConfig;
  readonly centers: OpenRegistries;
  readonly protocols: ProtocolTable;
  /** Calls of services of the same application take a short cut. */
  readonly localExports: LocalExports;
  readonly policies: Policies;
  readonly filters: readonly Filter[];
  readonly runtime: Runtime;
}

/** The consumer side of an application. */
export interface OpenConsumer {
  readonly consumer: Consumer;
  readonly migration: Migration;
  readonly discovery: MigratingDiscovery;
}

/** Puts the consumer side together, in the order in which one needs the other; `scope` closes it the other way. */
export function openConsumer(options: OpenConsumerOptions, scope: DisposalScope): OpenConsumer {
  const { live, centers, protocols, localExports, policies, filters, runtime } = options;
  const pool = scope.use(
    createInvokerPool({
      refer: (endpoint) => localExports.refer(endpoint) ?? protocols.refer(endpoint),
      runtime,
    }),
  );
  const cache = openDiscoveryCache(live.state.config, centers.places, runtime, scope);
  const isAlive = ({ ports, host }: ServiceInstance) =>
    Object.entries(ports).some(([protocol, port]) => pool.isConnected(endpointKey({ protocol, host, port })));
  const guarded = { cache, runtime, isAlive };
  const applications = scope.use(
    createServiceDiscovery({
      registries: centers.subscribed,
      reports: centers.reports,
      callMetadataService: metadataServiceCaller((endpoint) => protocols.refer(endpoint), runtime),
      ...guarded,
    }),
  );
  const interfaces = scope.use(
    createInterfaceDiscovery({ registries: centers.subscribedInterfaces, ...guarded }),
  );
  const migration = scope.use(
    new Migration({
      config: () => live.state.config,
      onConfigChange: (listener) => live.onChange(listener),
      centers: live.centers,
      runtime,
    }),
  );
  const discovery = scope.use(
    createMigratingDiscovery({ applications, interfaces, rules: migration, runtime }),
  );
  const { host, names: spoken } = protocols;
  const consumer = scope.use(
    new Consumer({ live, host, discovery, pool, spoken, policies, filters, runtime }),
  );
  return { consumer, migration, discovery };
}
