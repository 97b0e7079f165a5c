import type { ProtocolFactory, RegistryBackend, RegistryFactory } from "@dubbo-ts/application";
import type { MemoryConfigStore } from "@dubbo-ts/config";
import { DisposalScope } from "@dubbo-ts/core";
import type { MemoryRegistryStore } from "@dubbo-ts/discovery";
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
  };
}

/** The in-memory centers of one program by URL: applications that name the same URL see each other. */
export type MemoryCenters = Map<
  string,
  {
    readonly instances: MemoryRegistryStore;
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
  const { zookeeperConfigCenter, zookeeperConnection, zookeeperMetadataReport, zookeeperRegistry } =
    await import("@dubbo-ts/registry-zookeeper");
  const scope = new DisposalScope();
  const { address, group, namespace, username, password, params } = settings;
  const where = { address: { ...address, username, password, params }, group, namespace };
  const connection = scope.use(await zookeeperConnection(where, runtime));
  return backend(scope, false, {
    registry: scope.use(await zookeeperRegistry({ connection })),
    metadataReport: scope.use(await zookeeperMetadataReport({ connection })),
    configCenter: scope.use(await zookeeperConfigCenter({ connection })),
  });
};

const openEtcd: RegistryFactory = async (settings, runtime) => {
  const { etcdConfigCenter, etcdConnection, etcdMetadataReport, etcdRegistry } = await import(
    "@dubbo-ts/registry-etcd"
  );
  const scope = new DisposalScope();
  const { address, group, namespace, username, password, params } = settings;
  const where = { address: { ...address, username, password, params }, group, namespace };
  const connection = scope.use(await etcdConnection(where, runtime));
  return backend(scope, false, {
    registry: scope.use(await etcdRegistry({ connection })),
    metadataReport: scope.use(await etcdMetadataReport({ connection })),
    configCenter: scope.use(await etcdConfigCenter({ connection })),
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

const openMemory = async (centers: MemoryCenters, url: string): Promise<RegistryBackend> => {
  const { MemoryRegistryStore, memoryRegistry } = await import("@dubbo-ts/discovery");
  const { MemoryMetadataStore, memoryMetadataReport } = await import("@dubbo-ts/metadata");
  const { MemoryConfigStore, memoryConfigCenter } = await import("@dubbo-ts/config");
  const center = centers.get(url) ?? {
    instances: new MemoryRegistryStore(),
    metadata: new MemoryMetadataStore(),
    settings: new MemoryConfigStore(),
  };
  centers.set(url, center);
  const scope = new DisposalScope();
  return backend(scope, true, {
    registry: scope.use(memoryRegistry(center.instances)),
    metadataReport: scope.use(memoryMetadataReport(center.metadata)),
    configCenter: scope.use(memoryConfigCenter(url, center.settings)),
  });
};

function backend(
  scope: DisposalScope,
  loopbackOnly: boolean,
  { registry, metadataReport, configCenter }: Omit<RegistryBackend, "loopbackOnly" | symbol>,
): RegistryBackend {
  return {
    registry,
    metadataReport,
    configCenter,
    loopbackOnly,
    [Symbol.asyncDispose]: () => scope[Symbol.asyncDispose](),
  };
}
