import type { NacosEnvironment } from "./environment.js";
import { Latest } from "./latest.js";
import type { NacosError } from "./nacos-error.js";
import type { Session } from "./session.js";

/** How a client stands with its servers. */
export interface NacosState {
  readonly status: "connecting" | "connected" | "closed";
  /** As the server assigned it; undefined unless connected. */
  readonly connectionId: string | undefined;
  /** `host:port` from the list of servers; undefined unless connected. */
  readonly server: string | undefined;
  /** How it is spoken to; undefined unless connected. */
  readonly protocol: "grpc" | "http" | undefined;
  /** Since when, by the monotonic clock of the client. */
  readonly sinceMs: number;
  /** Why the last connection ended or could not be made; undefined while connected. */
  readonly lastError: NacosError | undefined;
}

const nobody = { connectionId: undefined, server: undefined, protocol: undefined };

/** The {@link NacosState} of a connection, and those who follow it. */
export class ConnectionState {
  readonly #followers = new Set<Latest<NacosState>>();
  #value: NacosState;

  constructor(
    private readonly module: string,
    private readonly environment: NacosEnvironment,
  ) {
    const sinceMs = environment.clock.monotonicMs();
    this.#value = { status: "connecting", ...nobody, lastError: undefined, sinceMs };
  }

  get value(): NacosState {
    return this.#value;
  }

  /** Yields the state, then each next one; ends when `signal` aborts or after the state `closed`. */
  async *follow(signal: AbortSignal): AsyncGenerator<NacosState, void, undefined> {
    const latest = new Latest<NacosState>(signal);
    latest.set(this.#value);
    this.#followers.add(latest);
    try {
      for await (const state of latest) {
        yield state;
        if (state.status === "closed") return;
      }
    } finally {
      latest.end();
      this.#followers.delete(latest);
    }
  }

  connected(session: Session): void {
    const { connectionId, protocol } = session;
    const met = { connectionId, server: session.server.name, protocol };
    this.#set({ status: "connected", ...met, lastError: undefined });
    this.environment.log.info({ module: this.module, ...met }, "connected to Nacos");
  }

  /** Lost, or not connected at one more attempt. */
  disconnected(lastError: NacosError): void {
    const { status, connectionId, server } = this.#value;
    this.#set({ status: "connecting", ...nobody, lastError });
    const fields = { module: this.module, connectionId, server, err: lastError };
    if (status === "connected") this.environment.log.warn(fields, "lost the connection to Nacos");
  }

  closed(): void {
    this.#set({ status: "closed", ...nobody, lastError: undefined });
  }

  #set(next: Omit<NacosState, "sinceMs">): void {
    const { status, connectionId, sinceMs } = this.#value;
    const isSame = status === next.status && connectionId === next.connectionId;
    this.#value = { ...next, sinceMs: isSame ? sinceMs : this.environment.clock.monotonicMs() };
    for (const latest of this.#followers) latest.set(this.#value);
  }
}
