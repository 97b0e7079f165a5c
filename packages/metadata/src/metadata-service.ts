import { matchKey, type MetadataInfo, type ServiceKey, serviceKey } from "@dubbo-ts/core";
import { defineService, type Implementation, java, type JavaType, method } from "@dubbo-ts/rpc";
import { MetadataStore, type MetadataStoreOptions } from "./metadata-store.js";

const serviceInterface = "org.apache.dubbo.metadata.MetadataService";

/** One service as MetadataService V1 sends it. */
export interface ServiceInfoRecord {
  params: Map<string, string>;
  /** Equal to `name`: Java finds addresses by it. */
  path: string;
  port: number;
  protocol: string;
  version?: string | null | undefined;
  group?: string | null | undefined;
  name: string;
}

/** Metadata as MetadataService V1 sends it. */
export interface MetadataInfoRecord {
  services: Map<string, ServiceInfoRecord>;
  revision: string;
  app: string;
}

/** Field names and order are those that Java writes (app-level discovery 6.2). */
const serviceInfo: JavaType<ServiceInfoRecord> = java.object(
  "org.apache.dubbo.metadata.MetadataInfo$ServiceInfo",
  {
    params: java.map(java.string(), java.string()),
    path: java.string(),
    port: java.int(),
    protocol: java.string(),
    version: java.string().nullable(),
    group: java.string().nullable(),
    name: java.string(),
  },
);

const metadataInfo: JavaType<MetadataInfoRecord> = java.object("org.apache.dubbo.metadata.MetadataInfo", {
  services: java.map(java.string(), serviceInfo),
  revision: java.string(),
  app: java.string(),
});

/**
 * MetadataService V1 as a provider serves it: by it a consumer learns what the application offers at a revision.
 * Null for a revision that is not known (any more).
 */
export const metadataServiceDefinition = defineService(serviceInterface, {
  getMetadataInfo: method([java.string()], metadataInfo.nullable()),
});

/**
 * The same as a consumer calls it. The result is whatever comes: dubbo-go sends its fields in another order and
 * more of them, older providers send JSON text. `decodeMetadata` of core reads all of them.
 */
export const metadataServiceClientDefinition = defineService(serviceInterface, {
  getMetadataInfo: method([java.string()], java.any()),
});

/** The key of the MetadataService of `application`: its group is the application, its version that of V1. */
export function metadataServiceKey(application: string): ServiceKey {
  return serviceKey(serviceInterface, { group: application, version: "1.0.0" });
}

/** The MetadataService of this process, ready to be exported, and the store that it answers from. */
export interface MetadataService {
  readonly key: ServiceKey;
  readonly definition: typeof metadataServiceDefinition;
  readonly implementation: Implementation<typeof metadataServiceDefinition>;
  readonly store: MetadataStore;
}

/** Makes the {@link MetadataService} of `application`. It is neither registered nor mapped nor described anywhere. */
export function createMetadataService(application: string, options?: MetadataStoreOptions): MetadataService {
  const store = new MetadataStore(options);
  return {
    key: metadataServiceKey(application),
    definition: metadataServiceDefinition,
    implementation: {
      getMetadataInfo: (revision) => {
        const metadata = store.lookup(revision);
        return metadata === undefined ? null : recordOf(metadata);
      },
    },
    store,
  };
}

/** Path equal to the interface, and no null among the params: Java's consumer insists on both. */
export function recordOf({ application, revision, services }: MetadataInfo): MetadataInfoRecord {
  const infos = [...services.values()].map(({ key, protocol, port, params }) => {
    const info: ServiceInfoRecord = {
      params: new Map(Object.entries(params)),
      path: key.serviceInterface,
      port: port ?? -1,
      protocol,
      version: key.version || null,
      group: key.group || null,
      name: key.serviceInterface,
    };
    return [matchKey(key, protocol), info] as const;
  });
  return { services: new Map(infos), revision, app: application };
}
