import type { Filter } from "@dubbo-ts/rpc";

/** Settings of one method of a service or of a reference; what is left out is the service's. */
export interface MethodOptions {
  /** How long one attempt may take, in ms. */
  timeoutMs?: number;
  /** Attempts after the first. */
  retries?: number;
  /** `random`, `roundrobin` ... */
  loadBalance?: string;
}

/** How a service is offered. What is left out comes from the configuration's `provider.services`, then from defaults. */
export interface ServiceOptions extends MethodOptions {
  /** Default: none. */
  version?: string;
  /** Default: none. */
  group?: string;
  /** Share of the traffic beside other providers. Default 100; 0 means none. */
  weight?: number;
  /** For tag routing. */
  tag?: string;
  /** The name of the policy that consumers use unless they set one: `failover`, `failfast` ... */
  cluster?: string;
  /** More parameters to publish, as they are. Nothing that differs from process to process. */
  params?: Readonly<Record<string, string>>;
  /** Names of the configured protocols that it is served over. Default: all. */
  protocols?: readonly string[];
  /** Settings of single methods. */
  methods?: Readonly<Record<string, MethodOptions>>;
  /** Run around every call, the first outermost, inside those of the application. */
  filters?: readonly Filter[];
}

/** Settings of one method of a reference. */
export interface ReferenceMethodOptions extends MethodOptions {
  /**
   * True: nobody waits for the answer, and the call resolves once it is under way; whether it succeeds is not known. Needs a
   * method without result. Over triple, which has no such calls, the answer is passed over. Default false.
   */
  oneway?: boolean;
}

/** How a service is called. What is left out comes from the configuration's `consumer.references`, then from defaults. */
export interface ReferenceOptions extends MethodOptions {
  /** Exact, `*` for any, or a list `1.0.0,1.1.0`. Default: none. */
  version?: string;
  /** As `version`. */
  group?: string;
  /** The applications that provide it: no mapping is needed, though it is followed all the same. */
  providedBy?: string | readonly string[];
  /** `dubbo`, `tri`, or several. Default: whatever the providers offer that this application can speak. */
  protocol?: string | readonly string[];
  /** Calls these addresses, `dubbo://host:port`, and asks no registry. */
  url?: string | readonly string[];
  /** `failover`, `failfast`, `failsafe` ... Default `failover`. */
  cluster?: string;
  /** True: {@link Application.refer} waits for a provider, up to 5 s, and rejects when none is found. Default true. */
  check?: boolean;
  /** Sent with every call. */
  attachments?: Readonly<Record<string, string>>;
  /** Settings of single methods. */
  methods?: Readonly<Record<string, ReferenceMethodOptions>>;
  /** Run around every call, the first outermost, inside those of the application. */
  filters?: readonly Filter[];
  /** Ends the reference when it aborts; else it ends with the application. */
  signal?: AbortSignal;
}
