import { type Endpoint, endpoint, MetadataError, type Runtime } from "@dubbo-ts/core";
import {
  type CallMetadataService,
  metadataServiceClientDefinition,
  metadataServiceKey,
} from "@dubbo-ts/metadata";
import { createClient, type ProtocolInvoker } from "@dubbo-ts/rpc";

/** As in Java and Go (app-level discovery 6.6). */
const timeoutMs = 5_000;

/**
 * Asks the MetadataService of one instance over a connection of its own, closed at once: it may be one of
 * hundreds that will never be called.
 */
export function metadataServiceCaller(
  refer: (endpoint: Endpoint) => ProtocolInvoker,
  runtime: Runtime,
): CallMetadataService {
  return async (instance, revision, signal) => {
    const { application, host, id, metadataService } = instance;
    if (metadataService === undefined)
      throw new MetadataError("METADATA_UNAVAILABLE", `${id} of ${application} names no MetadataService`);
    const { protocol, port } = metadataService;
    const service = metadataServiceKey(application);
    const invoker = refer(endpoint({ protocol, host, port, application }));
    try {
      const settings = { service, runtime, timeoutMs: () => timeoutMs };
      return await createClient(metadataServiceClientDefinition, invoker, settings).getMetadataInfo(
        revision,
        { signal },
      );
    } finally {
      await invoker[Symbol.asyncDispose]();
    }
  };
}
