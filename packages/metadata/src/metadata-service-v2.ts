import { RemoteException, type ServiceKey, serviceKey } from "@dubbo-ts/core";
import { defineService, type Implementation, method } from "@dubbo-ts/rpc";
import { metadataInfo, metadataRequest } from "./metadata-messages.js";
import { recordOf } from "./metadata-service.js";
import type { MetadataStore } from "./metadata-store.js";

const serviceInterface = "org.apache.dubbo.metadata.MetadataServiceV2";

/** MetadataService V2: over triple, with protobuf (app-level discovery 6.3). Java knows no other case of its method. */
export const metadataServiceV2Definition = defineService(serviceInterface, {
  GetMetadataInfo: method([metadataRequest], metadataInfo),
});

/** The key of V2 of `application`: its group is the application. */
export function metadataServiceV2Key(application: string): ServiceKey {
  return serviceKey(serviceInterface, { group: application, version: "2.0.0" });
}

/** V2 over the same store as V1. A revision that is not known (any more) is answered with gRPC's NOT_FOUND. */
export function metadataServiceV2(store: MetadataStore): Implementation<typeof metadataServiceV2Definition> {
  return {
    GetMetadataInfo: ({ revision }) => {
      const metadata = store.lookup(revision);
      if (metadata === undefined)
        throw new RemoteException(
          "org.apache.dubbo.rpc.StatusRpcException",
          `no metadata of revision ${revision.slice(0, 200)}`,
          { status: "NOT_FOUND", code: 5 },
        );
      return recordOf(metadata);
    },
  };
}
