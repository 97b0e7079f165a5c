import type { ServiceKey } from "@dubbo-ts/core";
import type { Invocation } from "@dubbo-ts/rpc";
import { Metadata } from "@grpc/grpc-js";
import { refuseAttachment, writeAttachments } from "./attachment-headers.js";

/** Makes the headers of calls (rpc-protocols 3.1). grpc-js copies them, so those of plain calls are made once. */
export class RequestHeaders {
  readonly #identity = new WeakMap<ServiceKey, Metadata>();

  /** @param application empty: not told. */
  constructor(private readonly application: string) {}

  /** @throws {InvalidValueError} INVALID_ARGUMENT: an attachment's name cannot be a header. */
  of({ service, attachments }: Invocation): Metadata {
    const identity = this.#identityOf(service);
    if (attachments.size === 0) return identity;
    const metadata = identity.clone();
    writeAttachments(attachments, metadata, refuseAttachment);
    return metadata;
  }

  #identityOf(service: ServiceKey): Metadata {
    let metadata = this.#identity.get(service);
    if (metadata === undefined) {
      metadata = new Metadata();
      if (service.version !== "") metadata.set("tri-service-version", service.version);
      if (service.group !== "") metadata.set("tri-service-group", service.group);
      if (this.application !== "") metadata.set("tri-consumer-appname", this.application);
      this.#identity.set(service, metadata);
    }
    return metadata;
  }
}
