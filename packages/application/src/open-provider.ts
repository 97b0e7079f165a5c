import type { Runtime } from "@dubbo-ts/core";
import { createInterfacePublisher, createServicePublisher } from "@dubbo-ts/discovery";
import { createMetadataService } from "@dubbo-ts/metadata";
import type { Filter } from "@dubbo-ts/rpc";
import type { LiveConfig } from "./live-config/live-config.js";
import type { LocalExports } from "./local-exports.js";
import type { ProtocolTable } from "./protocols.js";
import { Provider } from "./provider.js";
import { publishBoth } from "./publish-both.js";
import type { OpenRegistries } from "./registries.js";

/** What {@link openProvider} needs. */
export interface OpenProviderOptions {
  readonly live: LiveConfig;
  readonly centers: OpenRegistries;
  readonly protocols: ProtocolTable;
  readonly localExports: LocalExports;
  readonly filters: readonly Filter[];
  readonly runtime: Runtime;
}

/** The provider side of an application. Nothing of it is registered yet. */
export interface OpenProvider {
  readonly provider: Provider;
  /** Disposing them takes the application out of the registries: the first step of a stop. */
  readonly publishers: readonly AsyncDisposable[];
}

/** Puts the provider side together. */
export function openProvider(options: OpenProviderOptions): OpenProvider {
  const { live, centers, protocols, localExports, filters, runtime } = options;
  const { config } = live.state;
  const { name, metadataType } = config.application;
  const metadataService = createMetadataService(name, { clock: runtime.clock });
  const common = {
    application: name,
    host: protocols.host,
    check: centers.check,
    startTimeoutMs: centers.timeoutMs,
    runtime,
  };
  const applications = createServicePublisher({
    ...common,
    registries: centers.registering,
    reports: centers.reports,
    storage: metadataType,
    metadataStore: metadataService.store,
  });
  const interfaces = createInterfacePublisher({ ...common, registries: centers.registeringInterfaces });
  const provider = new Provider({
    config,
    live,
    protocols,
    publisher: publishBoth(centers, applications, interfaces),
    metadataService,
    localExports,
    filters,
    runtime,
  });
  return { provider, publishers: [applications, interfaces] };
}
