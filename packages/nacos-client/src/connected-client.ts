import { Connection } from "./connection.js";
import type { NacosState } from "./connection-state.js";
import { Latest } from "./latest.js";
import { checkNamespace } from "./limits.js";
import type { NacosModule } from "./link.js";
import { NacosError } from "./nacos-error.js";
import type { Settings } from "./options.js";
import type { Push } from "./push-stream.js";
import type { Session } from "./session.js";

/** Something that many readers share, and that ends with the last of them. */
export interface Shared<T> {
  add(reader: Latest<T>): void;
  remove(reader: Latest<T>): void;
}

/** What naming and config have in common: a connection of their own, its state, and the end. */
export abstract class ConnectedClient implements AsyncDisposable {
  /** For subclasses of this package only. */
  protected readonly connection: Connection;
  #closing: Promise<void> | undefined;

  /** @throws {NacosError} INVALID: the namespace. */
  protected constructor(
    module: NacosModule,
    settings: Settings,
    onPush: (push: Push, session: Session) => void,
  ) {
    checkNamespace(settings.namespace);
    this.connection = new Connection(module, settings, onPush);
  }

  /** How this client stands with its servers, at this moment. */
  get state(): NacosState {
    return this.connection.state;
  }

  /** Yields the state, then each next one; ends after `closed`. */
  states(signal: AbortSignal): AsyncIterable<NacosState> {
    return this.connection.states(signal);
  }

  /**
   * Resolves as soon as a server is connected.
   * @throws {NacosError} UNAVAILABLE after `waitForServerMs`; at once NOT_NACOS when something else listens there, and
   *   UNSUPPORTED when the server is too old for the transport. @throws `signal.reason` when that aborts.
   */
  async ready(signal: AbortSignal): Promise<void> {
    await this.connection.ready(signal);
  }

  /** Final; a second time does nothing. */
  close(): Promise<void> {
    this.#closing ??= this.end();
    return this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** Ends the readers, says farewell, and ends the connection. Called once. */
  protected abstract end(): Promise<void>;

  protected throwIfClosed(): void {
    if (this.#closing !== undefined) throw new NacosError("CLOSED", "the Nacos client is closed");
  }

  /** Reads `shared` until `signal` aborts or it ends. */
  protected async *follow<T>(shared: Shared<T>, signal: AbortSignal): AsyncGenerator<T, void, undefined> {
    const latest = new Latest<T>(signal);
    shared.add(latest);
    try {
      yield* latest;
    } finally {
      latest.end();
      shared.remove(latest);
    }
  }
}
