import { canceledError, EtcdError } from "./errors.js";
import type { Stream } from "./link.js";
import type { Session } from "./session.js";
import {
  methods,
  type WireEvent,
  type WireRange,
  type WireWatchRequest,
  type WireWatchResponse,
} from "./wire.js";

/** Who is told what happens to the keys of a range. Called in the order of revisions. */
export interface WatchHandler {
  /** The server watches; `revision` is the store's at this server, which may lag behind the others. */
  onCreated(revision: bigint): void;
  /** Everything that happened at once, `revision` is the store's. */
  onEvents(events: readonly WireEvent[], revision: bigint): void;
  /** Nothing happened up to and including `revision`. */
  onProgress(revision: bigint): void;
  /** Once; COMPACTED: what happened from the start on is not kept any more. Not after it was stopped. */
  onEnd(error: EtcdError): void;
}

interface Watch {
  readonly handler: WatchHandler;
  /** Undefined: the server has not answered yet. */
  id: bigint | undefined;
  stopped: boolean;
  /** Parts of a response that is not complete. */
  fragments: WireEvent[];
}

/** All watches of a client, over one stream as long as nothing breaks. */
export class WatchStreams {
  #current: WatchStream | undefined;

  constructor(private readonly session: Session) {}

  /**
   * Watches `range` from revision `from` on. When there is no connection the handler is told so at once. Gives back
   * what stops it.
   */
  watch(range: WireRange, from: bigint, handler: WatchHandler): () => void {
    const { link, token } = this.session;
    if (link === undefined) {
      handler.onEnd(new EtcdError("UNAVAILABLE", "there is no connection"));
      return () => {};
    }
    // With another token than now it would not be let in; what is watched already goes on.
    if (this.#current === undefined || !this.#current.isUsable(link, token))
      this.#current = new WatchStream(this.session);
    return this.#current.watch(range, from, handler);
  }
}

/** The watches of one stream. The server answers requests in their order (etcd `v3rpc/watch.go`). */
class WatchStream {
  readonly #stream: Stream<WireWatchRequest> | undefined;
  /** Those that the server has not answered yet, in the order of the requests. */
  readonly #pending: Watch[] = [];
  readonly #active = new Map<bigint, Watch>();
  #ended = false;

  constructor(session: Session) {
    this.#stream = session.stream(methods.watch, {
      onMessage: (response) => this.#onMessage(response),
      onEnd: (error) => this.#onEnd(error),
    });
  }

  isUsable(link: unknown, token: string | undefined): boolean {
    return !this.#ended && this.#stream?.link === link && this.#stream?.token === token;
  }

  watch(range: WireRange, startRevision: bigint, handler: WatchHandler): () => void {
    const watch: Watch = { handler, id: undefined, stopped: false, fragments: [] };
    this.#pending.push(watch);
    this.#stream?.write({ createRequest: { ...range, startRevision, progressNotify: true, fragment: true } });
    return () => this.#stop(watch);
  }

  #stop(watch: Watch): void {
    if (watch.stopped) return;
    watch.stopped = true;
    if (watch.id === undefined || !this.#active.delete(watch.id)) return;
    this.#stream?.write({ cancelRequest: { watchId: watch.id } });
    this.#endUnused();
  }

  #onMessage(response: WireWatchResponse): void {
    const { created, canceled, watchId, header } = response;
    if (created) return this.#onCreated(response);
    const watch = this.#active.get(watchId);
    if (watch === undefined) return; // stopped meanwhile
    if (canceled) return this.#onCanceled(watch, response);
    this.#tell(watch, response, header.revision);
  }

  #onCreated(response: WireWatchResponse): void {
    const watch = this.#pending.shift();
    if (watch === undefined) return;
    watch.id = response.watchId;
    if (response.canceled) return this.#onCanceled(watch, response);
    if (watch.stopped) {
      this.#stream?.write({ cancelRequest: { watchId: watch.id } });
      return this.#endUnused();
    }
    this.#active.set(watch.id, watch);
    watch.handler.onCreated(response.header.revision);
  }

  #onCanceled(watch: Watch, { compactRevision, cancelReason }: WireWatchResponse): void {
    if (watch.id !== undefined) this.#active.delete(watch.id);
    if (!watch.stopped) {
      watch.stopped = true;
      const endpoint = this.#stream?.link.endpoint ?? "";
      watch.handler.onEnd(
        compactRevision > 0n
          ? new EtcdError("COMPACTED", `${endpoint}: only revisions from ${compactRevision} on are kept`)
          : canceledError(endpoint, cancelReason),
      );
    }
    this.#endUnused();
  }

  #tell(watch: Watch, { events, fragment }: WireWatchResponse, revision: bigint): void {
    if (fragment || watch.fragments.length > 0) watch.fragments.push(...events);
    if (fragment) return;
    const all = watch.fragments.length > 0 ? watch.fragments : events;
    watch.fragments = [];
    if (all.length > 0) watch.handler.onEvents(all, revision);
    else watch.handler.onProgress(revision);
  }

  #onEnd(error: EtcdError): void {
    this.#ended = true;
    for (const watch of [...this.#pending.splice(0), ...this.#active.values()]) {
      if (watch.stopped) continue;
      watch.stopped = true;
      watch.handler.onEnd(error);
    }
    this.#active.clear();
  }

  #endUnused(): void {
    if (this.#active.size > 0 || this.#pending.length > 0) return;
    this.#ended = true;
    this.#stream?.end();
  }
}
