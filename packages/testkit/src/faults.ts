/** What can be done to the server under an adapter, and to its clients. */
export interface FaultHooks<Adapter> {
  /** Ends the server at once (SIGKILL); its data stays. */
  killServer(): Promise<void>;
  /** Starts it again on the same address and data; resolves when it answers. */
  restartServer(): Promise<void>;
  /** Removes all data while the server is killed. */
  wipeServer(): Promise<void>;
  /** From now on bytes vanish both ways, on open connections and on new ones. */
  blackhole(): Promise<void>;
  /** Ends {@link FaultHooks.blackhole}. */
  heal(): Promise<void>;
  /** Closes every connection between clients and server; new ones are accepted. */
  cutConnections(): Promise<void>;
  /** Stops the server from running, sockets stay open (SIGSTOP). */
  pauseServer(): Promise<void>;
  /** Ends {@link FaultHooks.pauseServer} (SIGCONT). */
  resumeServer(): Promise<void>;
  /** Makes one client vanish as kill -9 of its process would: no farewell. The adapter is not used any more. */
  crashClient(client: Adapter): Promise<void>;
}

/** Groups of {@link FaultHooks} that only make sense together. */
const faultKinds = {
  kill: ["killServer", "restartServer"],
  wipe: ["killServer", "wipeServer", "restartServer"],
  blackhole: ["blackhole", "heal"],
  cut: ["cutConnections"],
  pause: ["pauseServer", "resumeServer"],
  crash: ["crashClient"],
} as const satisfies Record<string, readonly (keyof FaultHooks<unknown>)[]>;

/** A kind of fault that an adapter's tests can cause. */
export type FaultKind = keyof typeof faultKinds;

/** One server, and clients of it. Made new for each test; disposing it stops the server and what is still open. */
export interface Harness<Adapter> extends AsyncDisposable {
  /** A further client, as another process would have it. The suite disposes it. */
  open(): Promise<Adapter>;
  /** As {@link Harness.open}, but past the network that faults act on: it changes what others do not see meanwhile. */
  openBeside?(): Promise<Adapter>;
  readonly faults?: Partial<FaultHooks<Adapter>>;
}

/** How a suite is run for one adapter. */
export interface SuiteOptions {
  /**
   * The kinds of fault that this adapter's tests cannot cause, in plain sight: their rows are left out. Any other
   * kind must be there. Default: none.
   */
  readonly lacks?: readonly FaultKind[];
  /** After how long the server forgets a client that it does not hear any more. Default 4000 ms. */
  readonly sessionMs?: number;
  /** Within how long a change is seen elsewhere. Default 2000 ms. */
  readonly propagationMs?: number;
  /** Within how long everything is back after a fault is over. Default 10,000 ms. */
  readonly recoveryMs?: number;
  /** How many instances the large test registers. Default 100. */
  readonly bulk?: number;
}

/** {@link SuiteOptions} with its defaults. */
export function suiteDefaults(options: SuiteOptions): Required<SuiteOptions> {
  return { lacks: [], sessionMs: 4_000, propagationMs: 2_000, recoveryMs: 10_000, bulk: 100, ...options };
}

/** The hooks of `kind`; fails the test that asks when the harness has them not and did not say so. */
export function faultsOf<Adapter>(harness: Harness<Adapter>, kind: FaultKind): FaultHooks<Adapter> {
  for (const hook of faultKinds[kind])
    if (harness.faults?.[hook] === undefined)
      throw new Error(`the harness has no ${hook}: implement it, or say lacks: ["${kind}"]`);
  return harness.faults as FaultHooks<Adapter>;
}
