import type { Config } from "@dubbo-ts/config";
import { ConfigError, type EndpointAddress, type Runtime, type ServiceKey } from "@dubbo-ts/core";
import type { PublishedState, ServicePublisher } from "@dubbo-ts/discovery";
import {
  type ExportedService,
  type MetadataService,
  metadataServiceV2,
  metadataServiceV2Definition,
  metadataServiceV2Key,
} from "@dubbo-ts/metadata";
import {
  accessLog,
  type Exporter,
  type Filter,
  type Implementation,
  type ServedService,
  type ServiceDefinition,
  serveImplementation,
} from "@dubbo-ts/rpc";
import type { LiveConfig } from "./live-config/live-config.js";
import { overriddenOptions } from "./live-config/provider-override.js";
import type { LocalExports } from "./local-exports.js";
import type { ServiceOptions } from "./options.js";
import type { ProtocolTable } from "./protocols.js";
import { serviceSettings } from "./service-settings.js";

/** The handle on a service that is offered. Disposing it withdraws the service; the others stay. */
export interface ServiceHandle extends AsyncDisposable {
  readonly service: ServiceKey;
  /** Where it is served, one address a protocol. */
  readonly addresses: readonly EndpointAddress[];
  /** Publishes other settings, a weight for example, in one update of the instance. Resolves when it is made. */
  update(options: Omit<ServiceOptions, "version" | "group" | "protocols" | "filters">): Promise<void>;
}

/** What the provider side of an application needs. */
export interface ProviderOptions {
  /** That of the start: what is not published with services does not change. */
  readonly config: Config;
  readonly live: LiveConfig;
  readonly protocols: ProtocolTable;
  readonly publisher: Pick<ServicePublisher, "publish">;
  readonly metadataService: MetadataService;
  readonly localExports: LocalExports;
  readonly filters: readonly Filter[];
  readonly runtime: Runtime;
}

interface Offer {
  readonly served: ServedService;
  readonly options: ServiceOptions;
  readonly bindings: readonly Binding[];
  /** Ends following what operators say about it. */
  readonly leaveRules: () => Promise<void>;
}

/** A service on one protocol. */
interface Binding {
  /** Of the protocol. */
  readonly id: string;
  readonly exporter: Exporter;
  readonly withdraw: () => void;
}

/** The provider side: what is exported, and that it is published in one piece. */
export class Provider {
  #offers: readonly Offer[] = [];
  #metadataService: Offer | undefined;
  #servingMetadata: Promise<Offer> | undefined;
  #started = false;
  #known = false;
  #ignoreChanges = () => {};
  /** What was published last with the services. */
  #publishedSettings = "";
  #ended = false;
  /** Part of the instance's identity: it stays when the service that brought it is withdrawn. */
  #port: number | undefined;
  /** When this process began to serve: tells consumers how young it is. */
  readonly #startedAtMs: number;

  constructor(private readonly options: ProviderOptions) {
    this.#startedAtMs = options.runtime.clock.wallMs();
  }

  /** True when consumers may know of services here. */
  get isKnown(): boolean {
    return this.#known && this.#offers.length > 0;
  }

  /** Serves `implementation`, and publishes it if the application has started. */
  async export<D extends ServiceDefinition>(
    definition: D,
    implementation: Implementation<D>,
    options: ServiceOptions,
  ): Promise<ServiceHandle> {
    const { config, filters, runtime } = this.options;
    const settings = serviceSettings(definition.serviceInterface, options, config);
    const { key, protocols } = settings;
    const logged = settings.accessLog ? [accessLog({ runtime })] : [];
    const around = [...logged, ...filters, ...(options.filters ?? [])];
    const invoker = serveImplementation(definition, implementation, around, runtime);
    const ids = this.options.protocols.servedBy(protocols);
    const leaveRules = await this.options.live.followService(key);
    if (this.#ended) {
      await leaveRules();
      throw new ConfigError("APPLICATION_CLOSED", `${key.text} is not exported: the application was stopped`);
    }
    const offer = await this.#serve({ key, definition, invoker }, options, ids, leaveRules);
    this.#offers = [...this.#offers, offer];
    try {
      if (this.#started) await this.#publish();
    } catch (error) {
      // What cannot be published must not stand in the way of the next publish.
      this.#offers = this.#offers.filter((one) => one !== offer);
      await closeAll(offer.bindings);
      await offer.leaveRules();
      throw error;
    }
    return this.#handle(offer);
  }

  /** Publishes all that was exported: metadata, mapping, then one instance. */
  async start(): Promise<void> {
    this.#started = true;
    if (this.#offers.length > 0) await this.#publish();
  }

  #handle(offer: Offer): ServiceHandle {
    let current = offer;
    let withdrawn: Promise<void> | undefined;
    return {
      service: offer.served.key,
      addresses: offer.bindings.map(({ exporter }) => exporter.address),
      update: async (changes) => {
        const before = current;
        current = this.#replace(before, { ...before, options: { ...before.options, ...changes } });
        try {
          if (this.#started) await this.#publish();
        } catch (error) {
          current = this.#replace(current, { ...current, options: before.options });
          throw error;
        }
      },
      [Symbol.asyncDispose]: () => {
        withdrawn ??= this.#withdraw(current);
        return withdrawn;
      },
    };
  }

  /** Publishes services anew when the configuration or rules of operators change what is published with them. */
  followSettings(): void {
    const { live, runtime } = this.options;
    this.#ignoreChanges = live.onChange(() => {
      if (!this.#started || this.#ended || this.#offers.length === 0) return;
      const now = this.#publishedText();
      if (now === this.#publishedSettings) return;
      this.#publish().catch((error: unknown) => {
        if (!this.#ended) runtime.log.error({ err: error }, "changed settings could not be published");
      });
    });
  }

  #publishedText(): string {
    const services = this.#offers.flatMap((offer) => this.#describe(offer));
    return JSON.stringify(services.map(({ key, protocol, options }) => [key.text, protocol, options]));
  }

  /** Nothing is published from here on: the instance is being taken out of the registries. */
  end(): void {
    this.#ended = true;
    this.#ignoreChanges();
  }

  #replace(before: Offer, next: Offer): Offer {
    this.#offers = this.#offers.map((one) => (one === before ? next : one));
    return next;
  }

  /** First nobody is told of it any more, then it is served no more. */
  async #withdraw(offer: Offer): Promise<void> {
    this.#offers = this.#offers.filter((one) => one !== offer);
    try {
      if (this.#started && !this.#ended) await this.#publish();
    } catch (error) {
      if (!this.#ended) throw error;
    } finally {
      await closeAll(offer.bindings);
      await offer.leaveRules();
    }
  }

  async #serve(
    served: ServedService,
    options: ServiceOptions,
    ids: readonly string[],
    leaveRules: () => Promise<void> = async () => {},
    port?: number,
  ): Promise<Offer> {
    const bindings: Binding[] = [];
    try {
      for (const id of ids) {
        const exporter = await this.options.protocols.export(id, served, port);
        bindings.push({ id, exporter, withdraw: this.options.localExports.add(exporter.address, served) });
      }
    } catch (error) {
      await closeAll(bindings);
      await leaveRules();
      throw error;
    }
    return { served, options, bindings, leaveRules };
  }

  async #publish(): Promise<void> {
    if (this.options.config.application.metadataType === "local")
      this.#metadataService ??= await this.#metadataOffer();
    this.#known = true;
    this.#publishedSettings = this.#publishedText();
    await this.options.publisher.publish(this.#state());
  }

  /** Exports that come together wait for one. */
  #metadataOffer(): Promise<Offer> {
    this.#servingMetadata ??= this.#serveMetadata().finally(() => {
      this.#servingMetadata = undefined;
    });
    return this.#servingMetadata;
  }

  /**
   * MetadataService beside the services: over triple where that is served, V1 and V2; else V1 over the first protocol
   * (app-level discovery 6.4), of those that serve something: another's port may not even be free.
   */
  async #serveMetadata(): Promise<Offer> {
    const { config, metadataService, protocols, runtime } = this.options;
    const wanted = config.application.metadataServiceProtocol ?? "tri";
    const ids = new Set(this.#offers.flatMap(({ bindings }) => bindings.map(({ id }) => id)));
    const serving = protocols.served.filter(({ id }) => ids.has(id));
    const carrier = serving.find(({ name }) => name === wanted) ?? serving[0] ?? protocols.served[0];
    if (carrier === undefined)
      throw new ConfigError("CONFIG_INVALID", "metadata-type local needs a protocol to serve metadata over");
    const { key, definition, implementation, store } = metadataService;
    const invoker = serveImplementation(definition, implementation, [], runtime);
    const serve = (service: ServedService) =>
      this.#serve(service, {}, [carrier.id], undefined, config.application.metadataServicePort);
    const offer = await serve({ key, definition, invoker });
    if (carrier.name !== "tri") return offer;
    const second = serveImplementation(metadataServiceV2Definition, metadataServiceV2(store), [], runtime);
    const keyV2 = metadataServiceV2Key(config.application.name);
    const served = { key: keyV2, definition: metadataServiceV2Definition, invoker: second };
    try {
      const { bindings } = await serve(served);
      return { ...offer, bindings: [...offer.bindings, ...bindings] };
    } catch (error) {
      await closeAll(offer.bindings);
      throw error;
    }
  }

  #state(): PublishedState {
    const services = this.#offers.flatMap((offer) => this.#describe(offer));
    const ports = Object.fromEntries(services.map(({ protocol, port }) => [protocol, port]));
    if (services.length === 0) this.#port = undefined;
    this.#port ??= this.#offers[0]?.bindings[0]?.exporter.address.port;
    const metadata = this.#metadataService?.bindings[0]?.exporter.address;
    const { tag, labels } = this.options.config.application;
    return {
      services,
      port: this.#port ?? 0,
      ports,
      metadataService: metadata && {
        protocol: metadata.protocol,
        port: metadata.port,
        version: metadata.protocol === "tri" ? "2.0.0" : "1.0.0",
      },
      startedAtMs: this.#startedAtMs,
      tag,
      labels,
    };
  }

  #describe({ served, options, bindings }: Offer): ExportedService[] {
    const { definition, key } = served;
    const { live, protocols } = this.options;
    const { published } = serviceSettings(definition.serviceInterface, options, live.state.config);
    const target = { application: live.state.config.application.name, service: key };
    const rules = live.rulesFor(key);
    const methods = Object.keys(definition.methods);
    const protobuf = Object.values(definition.methods).some(({ result }) => result.kind === "message");
    return bindings.map(({ exporter }) => ({
      key,
      protocol: exporter.address.protocol,
      port: exporter.address.port,
      methods,
      protobuf,
      options:
        rules.length === 0
          ? published
          : overriddenOptions(published, rules, target, {
              host: protocols.host,
              port: exporter.address.port,
            }),
    }));
  }
}

async function closeAll(bindings: readonly Binding[]): Promise<void> {
  for (const { withdraw } of bindings) withdraw();
  await Promise.all(bindings.map(({ exporter }) => exporter[Symbol.asyncDispose]()));
}
