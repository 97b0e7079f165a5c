import { abortable, deadline, hasCode, RegistryError, type Runtime, systemRuntime } from "@dubbo-ts/core";
import type { InterfaceRegistry } from "./interface-registry.js";
import { providerUrls } from "./provider-urls.js";
import { RegistrationKeeper } from "./registration-keeper.js";
import type { PublishedState } from "./service-publisher.js";
import { type ServiceUrl, serviceUrlId } from "./service-url.js";

/** What {@link createInterfacePublisher} needs. */
export interface InterfacePublisherOptions {
  readonly application: string;
  /** The address by which consumers reach this process. */
  readonly host: string;
  readonly registries: readonly InterfaceRegistry[];
  /** As in `ServicePublisherOptions`. */
  readonly check?: boolean;
  /** How long a publish is waited for. Default 5000 ms. */
  readonly startTimeoutMs?: number;
  readonly runtime?: Runtime;
}

/** Registers each service of an application by itself, so that consumers of Dubbo 2 find it. Disposing it withdraws all. */
export interface InterfacePublisher extends AsyncDisposable {
  /**
   * Makes the provider URLs of `state` those that are registered: new ones come, gone ones go, changed ones are
   * replaced without a moment of absence. Resolves when it is done, or (see `check`) is tried in the background.
   * @throws {RegistryError} REGISTRY_UNAVAILABLE and others with `check`; INSTANCE_METADATA_TOO_LARGE always.
   * @throws {ConfigError} SERVICE_ALREADY_EXPORTED.
   */
  publish(state: Pick<PublishedState, "services" | "startedAtMs">): Promise<void>;
}

/** Makes an {@link InterfacePublisher}. What is published once stays until it is withdrawn, through reconnects and new sessions. */
export function createInterfacePublisher(options: InterfacePublisherOptions): InterfacePublisher {
  return new UrlPublisher(options);
}

const refusals = ["REGISTRY_REFUSED", "REGISTRY_AUTH_FAILED", "REGISTRY_WRONG_SERVER"] as const;

class UrlPublisher implements InterfacePublisher {
  readonly #runtime: Runtime;
  /** By id of the URL, one for each registry. */
  readonly #keepers = new Map<string, readonly RegistrationKeeper<ServiceUrl>[]>();
  readonly #closing = new AbortController();
  readonly #startedAtMs: number;
  #started = false;
  #refused: ((error: unknown) => void) | undefined;
  #closed: Promise<void> | undefined;

  constructor(private readonly options: InterfacePublisherOptions) {
    this.#runtime = options.runtime ?? systemRuntime;
    this.#startedAtMs = this.#runtime.clock.wallMs();
  }

  async publish(state: Pick<PublishedState, "services" | "startedAtMs">): Promise<void> {
    this.#closing.signal.throwIfAborted();
    const { application, host, check = false } = this.options;
    const startedAtMs = state.startedAtMs ?? this.#startedAtMs;
    const urls = providerUrls({ application, host, startedAtMs }, state.services);
    const strict = check && !this.#started;
    this.#started = true;
    const refused = new Promise<never>((_, reject) => {
      if (strict) this.#refused = reject;
    });
    refused.catch(() => {}); // looked at below, if ever
    await this.#bounded(Promise.race([this.#apply(urls), refused]), strict);
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    this.#closing.abort(new RegistryError("REGISTRY_UNAVAILABLE", "the publisher is closed"));
    const keepers = [...this.#keepers.values()].flat();
    this.#keepers.clear();
    await Promise.all(keepers.map((keeper) => keeper[Symbol.asyncDispose]()));
  }

  async #apply(urls: readonly ServiceUrl[]): Promise<void> {
    const wanted = new Map(urls.map((url) => [serviceUrlId(url), url]));
    const work = [...wanted].flatMap(([id, url]) => this.#keepersOf(id).map((keeper) => keeper.set(url)));
    for (const [id, keepers] of this.#keepers)
      if (!wanted.has(id)) {
        this.#keepers.delete(id);
        work.push(...keepers.map(async (keeper) => keeper[Symbol.asyncDispose]()));
      }
    await Promise.all(work);
  }

  #keepersOf(id: string): readonly RegistrationKeeper<ServiceUrl>[] {
    let keepers = this.#keepers.get(id);
    if (keepers === undefined) {
      keepers = this.options.registries.map(
        (registry) =>
          new RegistrationKeeper<ServiceUrl>(registry, this.#runtime, ({ name }, error) =>
            this.#onFailure(name, id, error),
          ),
      );
      this.#keepers.set(id, keepers);
    }
    return keepers;
  }

  /** What takes too long goes on in the background: the keepers try until it succeeds. */
  async #bounded(work: Promise<void>, strict: boolean): Promise<void> {
    const { startTimeoutMs = 5_000, application, registries } = this.options;
    const names = registries.map(({ name }) => name).join(", ");
    const why = `the services of ${application} are not registered after ${startTimeoutMs} ms in ${names}`;
    const late = () => new RegistryError("REGISTRY_UNAVAILABLE", why);
    using limit = deadline(this.#runtime.clock, startTimeoutMs, late, this.#closing.signal);
    try {
      await abortable(work, limit.signal);
    } catch (error) {
      const goesOn = limit.signal.aborted && error === limit.signal.reason;
      if (strict || !goesOn || this.#closing.signal.aborted) throw error;
      this.#runtime.log.warn({ err: error, application }, "registering services goes on in the background");
      work.catch((err: unknown) =>
        this.#runtime.log.warn({ err, application }, "a service is not registered"),
      );
    } finally {
      this.#refused = undefined;
    }
  }

  #onFailure(registry: string, service: string, error: unknown): void {
    this.#runtime.log.warn({ err: error, registry, service }, "registering a service is tried again");
    if (hasCode(error, ...refusals)) this.#refused?.(error);
  }
}
