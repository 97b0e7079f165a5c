import { createServer, type Server, type Socket } from "node:net";
import { type Application, readSettings, type RegistryBackend } from "@dubbo-ts/application";
import { type ConfigCenter, memoryConfigCenter } from "@dubbo-ts/config";
import {
  encodeMetadata,
  type MetadataInfo,
  serviceKey,
  type ServiceInstance,
  silentLogger,
  systemRuntime,
} from "@dubbo-ts/core";
import {
  describeServices,
  MemoryMetadataStore,
  memoryMetadataReport,
  type MetadataReport,
} from "@dubbo-ts/metadata";
import { type Invocation } from "@dubbo-ts/rpc";
import { sampleInstance, ScriptedRegistry } from "@dubbo-ts/testkit";
import type { CommandIo } from "./command-io.js";
import type { CommandTools } from "./tools.js";
import { runCommand } from "./run-command.js";

/** The interface that tests ask for. */
export const greeter = "org.example.Greeter";

/** One registry of a {@link World}: what instances there are, and what the report keeps. */
export class Place {
  readonly registry = new ScriptedRegistry();
  readonly store = new MemoryMetadataStore();
  report: MetadataReport | undefined = memoryMetadataReport(this.store);
  /** Undefined: it keeps no settings. */
  settings: ConfigCenter | undefined = memoryConfigCenter();

  async map(serviceInterface: string, ...applications: string[]): Promise<void> {
    const signal = AbortSignal.timeout(5_000);
    const record = await this.report?.readMapping(serviceInterface, signal);
    const next = { applications: new Set(applications), version: record?.version };
    await this.report?.writeMapping(serviceInterface, next, signal);
  }
}

/** Registries by URL, and providers, without any network but loopback. */
export class World implements AsyncDisposable {
  readonly places = new Map<string, Place>();
  /** What providers' MetadataServices know, by revision; an Error is thrown. */
  readonly metadata = new Map<string, unknown>();
  /** What an endpoint answers to a call. Default: its first argument. */
  answer: (invocation: Invocation) => unknown = ({ args }) => args[0];
  openApplication: CommandTools["openApplication"] = () => Promise.reject(new Error("not in this test"));
  readonly calls: Invocation[] = [];
  protocols = ["dubbo"];
  readonly #servers: Server[] = [];
  readonly #sockets = new Set<Socket>();

  get tools(): CommandTools {
    return {
      runtime: { ...systemRuntime, log: silentLogger },
      openRegistry: async (url) => this.#backend(this.place(url)),
      openCenter: async (url) => this.#backend(this.place(url)),
      readSettings: ({ config, log }) =>
        readSettings({
          config,
          registry: "memory://",
          registries: { memory: async () => this.#backend(this.place()) },
          runtime: { ...systemRuntime, log },
        }),
      openApplication: (options): Promise<Application> => this.openApplication(options),
      openDialer: async () => ({
        protocols: this.protocols,
        refer: () => ({
          available: true,
          invoke: async (invocation) => {
            this.calls.push(invocation);
            return this.answer(invocation);
          },
          [Symbol.asyncDispose]: async () => {},
        }),
        callMetadataService: async (_, revision) => {
          const known = this.metadata.get(revision) ?? null;
          if (known instanceof Error) throw known;
          return known;
        },
        [Symbol.asyncDispose]: async () => {},
      }),
    };
  }

  place(url = "memory://"): Place {
    const place = this.places.get(url) ?? new Place();
    this.places.set(url, place);
    return place;
  }

  #backend({ registry, report, settings }: Place): RegistryBackend {
    const close = async () => {};
    return {
      registry,
      metadataReport: report,
      configCenter: settings,
      loopbackOnly: true,
      [Symbol.asyncDispose]: close,
    };
  }

  /** A port that something listens on. */
  async listen(): Promise<number> {
    const server = createServer((socket) => {
      this.#sockets.add(socket);
      socket.on("error", () => {});
    });
    this.#servers.push(server);
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return (server.address() as { port: number }).port;
  }

  /** A port that nothing listens on any more. */
  async deadPort(): Promise<number> {
    const port = await this.listen();
    await new Promise((resolve) => this.#servers.pop()?.close(resolve));
    return port;
  }

  /** What `app` offers: the greeter unless told otherwise. The metadata is known to the instances, not to the report. */
  offers(app: string, port: number, options: OfferOptions = {}): MetadataInfo {
    const { name = greeter, version, group, protocol = "dubbo", params = {} } = options;
    const key = serviceKey(name, { version, group });
    const service = { key, protocol, port, methods: ["hello"], options: { params } };
    const metadata = describeServices(app, [service]);
    this.metadata.set(metadata.revision, encodeMetadata(metadata));
    return metadata;
  }

  /** A provider of the greeter as it should be: mapped, registered, listening. */
  async provider(
    app = "greeter-app",
    options: OfferOptions = {},
    place = this.place(),
  ): Promise<ServiceInstance> {
    const port = await this.listen();
    const { revision } = this.offers(app, port, options);
    const ports = { [options.protocol ?? "dubbo"]: port };
    const instance = sampleInstance({ application: app, host: "127.0.0.1", port, ports, revision });
    place.registry.push(app, [instance]);
    await place.map(options.name ?? greeter, app);
    return instance;
  }

  /** Runs the command and gives what it printed. */
  async run(args: readonly string[], io: Partial<CommandIo> = {}): Promise<Ran> {
    const out: string[] = [];
    const err: string[] = [];
    const own: CommandIo = {
      out: (line) => void out.push(line),
      err: (line) => void err.push(line),
      signal: AbortSignal.timeout(20_000),
      env: { DUBBO_REGISTRY: "memory://" },
      ...io,
    };
    const code = await runCommand(args, own, "1.2.3", this.tools);
    return {
      code,
      out: out.join("\n"),
      err: err.join("\n"),
      json: () => JSON.parse(out.join("\n")) as unknown,
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    for (const server of this.#servers) await new Promise((resolve) => server.close(resolve));
  }
}

/** What a provider offers. */
export interface OfferOptions {
  readonly name?: string;
  readonly version?: string;
  readonly group?: string;
  readonly protocol?: string;
  readonly params?: Record<string, string>;
}

/** What a run of the command left behind. */
export interface Ran {
  readonly code: number;
  readonly out: string;
  readonly err: string;
  json(): unknown;
}
