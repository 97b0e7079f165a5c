import { waitFor } from "./wait-for.js";

/** Kinds that Node keeps for itself, or that come and go with any work. */
const ignored = new Set(["TTYWrap", "FSReqCallback", "FSReqPromise", "Immediate", "CloseReq", "TickObject"]);

/** How {@link noLeaks} looks. */
export interface LeakOptions {
  /** How long things may take to close. Default 10,000 ms: a busy machine is no leak. */
  timeoutMs?: number;
  /** Kinds, as `process.getActiveResourcesInfo()` names them. Default: all. */
  only?: readonly string[];
}

/**
 * Remembers which sockets, servers, timers and processes are open; the function that it gives back waits until
 * no more than those are open.
 * @throws {Error} from that function, naming what stayed open for `timeoutMs`.
 */
export function noLeaks({ timeoutMs = 10_000, only }: LeakOptions = {}): () => Promise<void> {
  const before = openResources();
  // In a worker of jest the limit of the running test or hook is a timer, which was not there when its file was loaded.
  if (process.send !== undefined) before.set("Timeout", (before.get("Timeout") ?? 0) + 1);
  return async () => {
    const leaked = () => {
      const found: string[] = [];
      for (const [kind, count] of openResources()) {
        const more = count - (before.get(kind) ?? 0);
        if (more > 0 && (only === undefined || only.includes(kind))) found.push(`${more} ${kind}`);
      }
      return found;
    };
    // The wait itself is a timer, but none is open at the moment of asking.
    await waitFor(() => leaked().length === 0, {
      timeoutMs,
      what: () => `the end of ${leaked().join(", ")}`,
    });
  };
}

function openResources(): Map<string, number> {
  const counts = new Map<string, number>();
  for (const kind of process.getActiveResourcesInfo())
    if (!ignored.has(kind)) counts.set(kind, (counts.get(kind) ?? 0) + 1);
  return counts;
}
