import type { NacosHttp } from "./http/http-api.js";
import type { ServerAddress } from "./options.js";
import type { NacosTls } from "./tls.js";

/** A request as credentials see it: what signatures are made of. */
export interface SecuredRequest {
  readonly module: "naming" | "config";
  /** `InstanceRequest`, `ConfigQueryRequest` ... */
  readonly type: string;
  readonly body: Readonly<Record<string, unknown>>;
  readonly server: ServerAddress;
  /** As the options have it. */
  readonly appName: string;
  /** The HTTP API of `server`, for those that log in. */
  readonly http: NacosHttp;
  /** As the options have it: whom to trust when logging in elsewhere. Undefined: what Node trusts. */
  readonly tls?: NacosTls | undefined;
}

/** Makes requests acceptable to a server that asks who is calling. */
export interface NacosCredentials {
  /** What goes into the envelope of `request`. A failure to get it must not keep the client from asking: give none then. */
  headers(request: SecuredRequest, signal: AbortSignal): Promise<Readonly<Record<string, string>>>;
  /**
   * The server refused `request` (403), which had the headers `sent`, and said `why`. True: there are fresh headers
   * now, so try once more.
   */
  refused(
    request: SecuredRequest,
    signal: AbortSignal,
    sent: Readonly<Record<string, string>>,
    why: string,
  ): Promise<boolean>;
  /** Why there are no headers, for the error message; no secret. Default nothing to say. */
  readonly problem?: string | undefined;
}
