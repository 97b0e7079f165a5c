import { deadline, type Runtime } from "@dubbo-ts/core";
import { type NacosNaming, nacosAdmin, type NacosOptions } from "@dubbo-ts/nacos-client";

/** What {@link NamespaceCheck} needs. */
export interface NamespaceCheckOptions {
  /** The registry's, for the warning. */
  readonly name: string;
  readonly namespace: string;
  readonly naming: NacosNaming;
  /** Of the client below: where to ask, and as whom. */
  readonly settings: NacosOptions;
  readonly runtime: Pick<Runtime, "clock" | "log">;
}

/** How long a server may take to list its namespaces. */
const listMs = 5_000;

/**
 * Tells of a namespace that does not exist: servers take it all the same, unless they are told to validate (3.x), and
 * then instances are seen by nobody. Asked once, over HTTP, as soon as a server is connected; where the list cannot be
 * read nothing is said.
 */
export class NamespaceCheck implements AsyncDisposable {
  readonly #stop = new AbortController();
  readonly #running: Promise<void>;

  constructor(private readonly options: NamespaceCheckOptions) {
    this.#running = options.namespace === "public" ? Promise.resolve() : this.#check();
  }

  /** `; there are: a, b`, to be put behind an error's text; empty when the server does not tell. */
  async hint(): Promise<string> {
    const tooLate = () => new Error(`no list of namespaces in ${listMs} ms`);
    using limit = deadline(this.options.runtime.clock, listMs, tooLate, this.#stop.signal);
    const names = await this.#names(limit.signal);
    return names === undefined ? "" : `; there are: ${names.join(", ")}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort(new Error("the registry was closed"));
    await this.#running;
  }

  /** Never rejects. */
  async #check(): Promise<void> {
    const { naming, namespace, name, runtime } = this.options;
    const { signal } = this.#stop;
    try {
      for await (const { status } of naming.states(signal)) if (status === "connected") break;
      const names = signal.aborted ? undefined : await this.#names(signal);
      if (names === undefined || names.includes(namespace)) return;
      const text = `${name}: namespace ${namespace} does not exist, nobody else looks there; there are: ${names.join(", ")}`;
      runtime.log.warn({ registry: name, namespace, namespaces: names }, text);
    } catch {
      // Closed meanwhile.
    }
  }

  async #names(signal: AbortSignal): Promise<readonly string[] | undefined> {
    try {
      const namespaces = await nacosAdmin(this.options.settings).namespaces(signal);
      return namespaces.map(({ id }) => id);
    } catch {
      return undefined; // a hint is no reason to fail
    }
  }
}
