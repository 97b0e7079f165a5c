import type { CenterBackend, ProtocolFactory, RegistryFactory } from "@dubbo-ts/application";
import type { MemoryConfigStore } from "@dubbo-ts/config";
import { DisposalScope } from "@dubbo-ts/core";
import type { MemoryInterfaceStore, MemoryRegistryStore } from "@dubbo-ts/discovery";
import type { MemoryMetadataStore } from "@dubbo-ts/metadata";

/** Every official protocol by name, in the order of preference. Its code is loaded when an application opens. */
export const protocols: Readonly<Record<string, ProtocolFactory>> = {
  async dubbo({ application, payloadBytes, connections, ports, tls = {} }, runtime) {
    const { dubboProtocol } = await import("@dubbo-ts/protocol-dubbo");
    const options = {
      application,
      ports,
      tls,
      ...(payloadBytes !== undefined && { maxPayloadBytes: payloadBytes }),
      ...(connections !== undefined && { connections }),
    };
    return dubboProtocol(options, runtime);
  },
  async tri({ application, payloadBytes, connections, ports, tls = {} }, runtime) {
    const { tripleProtocol } = await import("@dubbo-ts/protocol-triple");
    const options = {
      application,
      ports,
      tls,
      ...(payloadBytes !== undefined && { maxMessageBytes: payloadBytes }),
      ...(connections !== undefined && { connections }),
    };
    return tripleProtocol(options, runtime);
  },
};

/**
 * Every official registry by the scheme of its URL. An adapter's code is loaded when a URL names it.
 *
 * @param memory what the in-memory registries of one program share.
 */
export function registryFactories(memory: MemoryCenters): Readonly<Record<string, RegistryFactory>> {
  return {
    local: openLocal,
    memory: (settings) => openMemory(memory, settings.address.safeText),
    nacos: openNacos,
    zookeeper: openZooKeeper,
    etcd: openEtcd,
    redis: openRedis,
    rediss: openRedis,
  };
}

/** The in-memory centers of one program by URL: applications that name the same URL see each other. */
export type MemoryCenters = Map<
  string,
  {
    readonly instances: MemoryRegistryStore;
    readonly interfaces: MemoryInterfaceStore;
    readonly metadata: MemoryMetadataStore;
    readonly settings: MemoryConfigStore;
  }
>;

/** Makes {@link MemoryCenters}, empty. */
export function memoryCenters(): MemoryCenters {
  return new Map();
}

const openNacos: RegistryFactory = async (
  { address, group, namespace, username, password, params },
  runtime,
) => {
  const nacos = await import("@dubbo-ts/registry-nacos");
  return nacos.openNacos({ address: { ...address, username, password, params }, group, namespace }, runtime);
};

const openZooKeeper: RegistryFactory = async (settings, runtime) => {
  const {
    zookeeperConfigCenter,
    zookeeperConnection,
    zookeeperInterfaceRegistry,
    zookeeperMetadataReport,
    zookeeperRegistry,
  } = await import("@dubbo-ts/registry-zookeeper");
  const scope = new DisposalScope();
  const { address, group, namespace, username, password, params } = settings;
  const where = { address: { ...address, username, password, params }, group, namespace };
  const connection = scope.use(await zookeeperConnection(where, runtime));
  return backend(scope, false, {
    registry: scope.use(await zookeeperRegistry({ connection })),
    interfaces: scope.use(await zookeeperInterfaceRegistry({ connection })),
    metadataReport: scope.use(await zookeeperMetadataReport({ connection })),
    configCenter: scope.use(await zookeeperConfigCenter({ connection })),
  });
};

const openEtcd: RegistryFactory = async (settings, runtime) => {
  const { etcdConfigCenter, etcdConnection, etcdInterfaceRegistry, etcdMetadataReport, etcdRegistry } =
    await import("@dubbo-ts/registry-etcd");
  const scope = new DisposalScope();
  const { address, group, namespace, username, password, params } = settings;
  const where = { address: { ...address, username, password, params }, group, namespace };
  const connection = scope.use(await etcdConnection(where, runtime));
  return backend(scope, false, {
    registry: scope.use(await etcdRegistry({ connection })),
    interfaces: scope.use(await etcdInterfaceRegistry({ connection })),
    metadataReport: scope.use(await etcdMetadataReport({ connection })),
    configCenter: scope.use(await etcdConfigCenter({ connection })),
  });
};

/** Redis forgets nobody who dies, so it keeps no instances: it is a metadata report and a configuration center. */
const openRedis: RegistryFactory = async (settings, runtime) => {
  const { redisConfigCenter, redisConnection, redisMetadataReport } = await import(
    "@dubbo-ts/metadata-redis"
  );
  const scope = new DisposalScope();
  const { address, group, namespace, username, password, params, timeoutMs } = settings;
  const where = { address: { ...address, username, password, params }, group, namespace };
  const callTimeoutMs = params["timeout"] === undefined ? timeoutMs : undefined;
  const connection = scope.use(await redisConnection({ ...where, callTimeoutMs }, runtime));
  return backend(scope, false, {
    registry: undefined,
    metadataReport: scope.use(await redisMetadataReport({ connection })),
    configCenter: scope.use(await redisConfigCenter({ connection })),
  });
};

/** With `serve=false` this process is a guest: it joins whoever serves, and does not wait long for one. */
const openLocal: RegistryFactory = async ({ address, namespace, group, params }, runtime) => {
  const { joinLocalRegistry } = await import("@dubbo-ts/registry-local");
  const scope = new DisposalScope();
  const [server] = address.hosts;
  const where = { host: server?.host, port: server?.port, namespace, group };
  const guest = params["serve"] === "false" ? { serve: false, joinTimeoutMs: 1_000 } : {};
  const local = scope.use(await joinLocalRegistry({ ...where, ...guest }, runtime));
  return backend(scope, true, local);
};

const openMemory = async (centers: MemoryCenters, url: string): Promise<CenterBackend> => {
  const { MemoryInterfaceStore, memoryInterfaceRegistry, MemoryRegistryStore, memoryRegistry } = await import(
    "@dubbo-ts/discovery"
  );
  const { MemoryMetadataStore, memoryMetadataReport } = await import("@dubbo-ts/metadata");
  const { MemoryConfigStore, memoryConfigCenter } = await import("@dubbo-ts/config");
  const center = centers.get(url) ?? {
    instances: new MemoryRegistryStore(),
    interfaces: new MemoryInterfaceStore(),
    metadata: new MemoryMetadataStore(),
    settings: new MemoryConfigStore(),
  };
  centers.set(url, center);
  const scope = new DisposalScope();
  return backend(scope, true, {
    registry: scope.use(memoryRegistry(center.instances)),
    interfaces: scope.use(memoryInterfaceRegistry(center.interfaces)),
    metadataReport: scope.use(memoryMetadataReport(center.metadata)),
    configCenter: scope.use(memoryConfigCenter(url, center.settings)),
  });
};

function backend(
  scope: DisposalScope,
  loopbackOnly: boolean,
  { registry, interfaces, metadataReport, configCenter }: Omit<CenterBackend, "loopbackOnly" | symbol>,
): CenterBackend {
  return {
    registry,
    interfaces,
    metadataReport,
    configCenter,
    loopbackOnly,
    [Symbol.asyncDispose]: () => scope[Symbol.asyncDispose](),
  };
}
