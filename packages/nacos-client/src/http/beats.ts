import { type Body, flagOf, numberOf, textMapOf, textOf } from "../body.js";
import { pause } from "../waiting.js";
import type { HttpCaller } from "./http-caller.js";
import { objectIn } from "./server-state.js";

/** Until the server says otherwise; it takes an instance for ill after 15 s without (registries A2.1). */
const defaultIntervalMs = 5_000;
/** Whatever the server asks for: it is not flooded, and the pause stays one that a timer can have. */
const [leastMs, mostMs] = [100, 60 * 60_000];
/** Said to a beat of an instance that the server does not know (any more). */
const unknownInstance = 20_404;

/** The name under which `body` addresses its service over HTTP. */
export function groupedName(body: Body): string {
  return `${textOf(body, "groupName")}@@${textOf(body, "serviceName")}`;
}

/**
 * Keeps one instance alive on a server without connections: a beat at the interval that the server's answers name,
 * without its content once they say that this is enough, and a new registration when the server has forgotten it.
 */
export class Beats {
  readonly #stop = new AbortController();
  readonly #running: Promise<void>;

  constructor(
    private readonly caller: HttpCaller,
    private readonly base: Body,
    private readonly instance: Body,
    private readonly registerAgain: (signal: AbortSignal) => Promise<void>,
  ) {
    this.#running = this.#beat();
  }

  /** Resolves when no beat is on its way any more. */
  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }

  async #beat(): Promise<void> {
    const { clock } = this.caller.settings.environment;
    const { signal } = this.#stop;
    const own = Number(textMapOf(this.instance, "metadata")["preserved.heart.beat.interval"]);
    let intervalMs = own > 0 ? inBounds(own) : defaultIntervalMs;
    let isLight = false;
    while (!signal.aborted) {
      await pause(clock, intervalMs, [signal], { background: true });
      if (signal.aborted) return;
      try {
        const answer = await this.#send(isLight, signal);
        const asked = numberOf(answer, "clientBeatInterval");
        if (asked > 0) intervalMs = inBounds(asked);
        isLight = flagOf(answer, "lightBeatEnabled", isLight);
        if (numberOf(answer, "code") !== unknownInstance) continue;
        isLight = false;
        await this.registerAgain(signal);
      } catch (error) {
        // The next beat is near, and the health checks notice a server that is away.
        const fields = { err: error, service: groupedName(this.base) };
        if (!signal.aborted) this.caller.settings.environment.log.debug(fields, "a beat failed");
      }
    }
  }

  async #send(isLight: boolean, signal: AbortSignal): Promise<Body> {
    const { instance, base } = this;
    const [serviceName, clusterName] = [groupedName(base), textOf(instance, "clusterName")];
    const [ip, port] = [textOf(instance, "ip"), numberOf(instance, "port")];
    const { weight, metadata } = instance;
    const beat = { port, ip, weight, serviceName, cluster: clusterName, metadata, scheduled: false };
    const query = {
      namespaceId: textOf(base, "namespace"),
      serviceName,
      clusterName,
      ip,
      port: String(port),
      ...(!isLight && { beat: JSON.stringify(beat) }),
    };
    const request = { method: "PUT", path: "/v1/ns/instance/beat", query } as const;
    const { text } = await this.caller.sendOwn("InstanceRequest", base, request, signal);
    return objectIn(text) ?? {};
  }
}

function inBounds(intervalMs: number): number {
  return Math.min(Math.max(intervalMs, leastMs), mostMs);
}
