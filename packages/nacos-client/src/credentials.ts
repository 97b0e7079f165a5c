import type { ServerAddress } from "./options.js";

/** A request as credentials see it: what signatures are made of. */
export interface SecuredRequest {
  readonly module: "naming" | "config";
  /** `InstanceRequest`, `ConfigQueryRequest` ... */
  readonly type: string;
  readonly body: Readonly<Record<string, unknown>>;
  readonly server: ServerAddress;
}

/** Makes requests acceptable to a server that asks who is calling. */
export interface NacosCredentials {
  /** What goes into the envelope of `request`. A failure to get it must not keep the client from asking: give none then. */
  headers(request: SecuredRequest, signal: AbortSignal): Promise<Readonly<Record<string, string>>>;
  /** The server refused `request` (403). True: there are fresh headers now, so try once more. */
  refused(request: SecuredRequest, signal: AbortSignal): Promise<boolean>;
}
