import {
  type Endpoint,
  endpoint,
  hasCode,
  MetadataError,
  type Runtime,
  type ServiceInstance,
} from "@dubbo-ts/core";
import {
  type CallMetadataService,
  metadataServiceClientDefinition,
  metadataServiceKey,
  metadataServiceV2Definition,
  metadataServiceV2Key,
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
    const invoker = refer(endpoint({ protocol, host, port, application }));
    try {
      if (hasV2(instance)) {
        const answer = await callV2(invoker, application, revision, runtime, signal);
        if (answer !== undefined) return answer;
      }
      const settings = { service: metadataServiceKey(application), runtime, timeoutMs: () => timeoutMs };
      return await createClient(metadataServiceClientDefinition, invoker, settings).getMetadataInfo(
        revision,
        { signal },
      );
    } finally {
      await invoker[Symbol.asyncDispose]();
    }
  };
}

/** As dubbo-go decides: V2 travels over triple only, whatever `meta-v` says (app-level discovery 6.5). */
function hasV2({ metadataService }: ServiceInstance): boolean {
  return metadataService?.protocol === "tri" && metadataService.version === "2.0.0";
}

/** Undefined when the provider has no V2, or V2 fails (dubbo-go panics on an unknown revision): V1 is asked then. */
async function callV2(
  invoker: ProtocolInvoker,
  application: string,
  revision: string,
  runtime: Runtime,
  signal: AbortSignal,
): Promise<unknown> {
  const settings = { service: metadataServiceV2Key(application), runtime, timeoutMs: () => timeoutMs };
  const client = createClient(metadataServiceV2Definition, invoker, settings);
  try {
    return await client.GetMetadataInfo({ revision }, { signal });
  } catch (error) {
    signal.throwIfAborted();
    if (hasCode(error, "CONNECT_FAILED", "CONNECTION_LOST", "CALL_TIMEOUT")) throw error;
    return undefined;
  }
}
