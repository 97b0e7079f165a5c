import type { ServiceKey } from "@dubbo-ts/core";
import type { MethodDefinition, ServiceDefinition } from "./service-definition.js";

/** One call, on its way from the consumer's code to the provider's. Never changed, but for the answer's attachments. */
export interface Invocation {
  readonly service: ServiceKey;
  readonly definition: ServiceDefinition;
  /** The name of the method, for example `getUser`, `$invoke` or `$echo`. */
  readonly method: string;
  readonly methodDefinition: MethodDefinition;
  /** Values of the declared types: checked by the proxy before sending, by the protocol after receiving. */
  readonly args: readonly unknown[];
  /** What travels beside the arguments. Names are case sensitive over dubbo, lower case over triple. */
  readonly attachments: ReadonlyMap<string, string>;
  /** What travels beside the answer: written by the callee, complete when the call has settled. */
  readonly responseAttachments: Map<string, string>;
  /** When the call must be over, in the clock's monotonic ms; Infinity: never. */
  readonly deadlineMs: number;
  /**
   * How long one attempt may take, as the reference is configured; undefined: as long as the call, since the
   * caller said how long that may take.
   */
  readonly attemptTimeoutMs?: number | undefined;
  /**
   * Consumer side: what {@link ClientSettings.begunWith} gave when the call began, for those that made the settings:
   * so a call sees one version of them from its start to its end. Whoever copies an invocation copies it too.
   */
  readonly begunWith?: unknown;
  /** Set when the caller may cancel. */
  readonly signal: AbortSignal | undefined;
  /** True: no answer is wanted; the call resolves with undefined when it was written. */
  readonly oneway: boolean;
  /** Provider side: who calls. */
  readonly peer: Peer | undefined;
}

/** The other end of a call that came in. */
export interface Peer {
  /** `host:port` of the socket; `local` within one process. */
  readonly address: string;
  /** The consumer's application, when it says so (`remote.application`). */
  readonly application: string | undefined;
}
