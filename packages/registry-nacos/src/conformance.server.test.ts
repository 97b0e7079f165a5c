import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type NacosServer as EmbeddedNacos, startNacosServer } from "@dubbo-ts/registry-local";
import {
  configCenterSuite,
  interfaceRegistrySuite,
  metadataReportSuite,
  type NacosMajor,
  type NacosServer,
  nacosAvailable,
  type ProxiedServer,
  proxiedHarness,
  realServer,
  registrySuite,
  startNacos,
  type SuiteOptions,
} from "@dubbo-ts/testkit";
import {
  nacosConfigCenter,
  nacosInterfaceRegistry,
  nacosMetadataReport,
  type NacosOptions,
  nacosRegistry,
} from "./nacos-connection.js";

/** Short, so that what the client notices by itself is soon noticed; a busy machine needs some room. */
const client = {
  backoffCapMs: 300,
  graceMs: 1_500,
  healthCheckMs: 300,
  healthTimeoutMs: 500,
  requestTimeoutMs: 1_500,
  // The proxies stand before gRPC alone: a client behind a closed one must not find its way over HTTP.
  transport: "grpc",
} as const;

/** Clients of the same server, whose gRPC is what listens at `address`; HTTP stays where it is. */
function optionsAt(httpPort: number, address: string): NacosOptions {
  const grpcPortOffset = Number(address.split(":")[1]) - httpPort;
  return {
    address: `nacos://127.0.0.1:${httpPort}`,
    applicationsPollMs: 200,
    client: { ...client, grpcPortOffset },
  };
}

const nobodysPort = 1;

/** How the suites are run. */
interface How {
  readonly options: SuiteOptions;
  /** For the adapters. */
  readonly more?: Partial<NacosOptions>;
  /** True: it dies only where it is wiped, and in tests of its own. */
  readonly startsSlowly: boolean;
}

/** All suites on what `serverOf` gives. */
function suites(
  name: string,
  serverOf: () => Promise<ProxiedServer>,
  { options, more = {}, startsSlowly }: How,
): void {
  const harness = async <A extends AsyncDisposable>(
    open: (options: NacosOptions) => Promise<A>,
    asksOverHttp = false,
  ) => {
    const server = await serverOf();
    // The proxies do not reach HTTP: who does not need it meets nobody there, also while the server is well.
    const httpPort = asksOverHttp ? server.port - 1000 : nobodysPort;
    const opened = (address: string) => open({ ...optionsAt(httpPort, address), ...more });
    return proxiedHarness(server, opened, { killsLinksOnly: startsSlowly });
  };
  // Two clients are below the four adapters: bringing back what a wiped server has lost is theirs.
  const spared = startsSlowly ? { ...options, lacks: [...(options.lacks ?? []), "wipe" as const] } : options;
  registrySuite(name, () => harness(nacosRegistry), options);
  interfaceRegistrySuite(name, () => harness(nacosInterfaceRegistry), spared);
  metadataReportSuite(name, () => harness(nacosMetadataReport), spared);
  configCenterSuite(name, () => harness(nacosConfigCenter, true), { ...options, tooManyBytes: 11_000_000 });
}

for (const major of [3, 2] satisfies NacosMajor[])
  realServer(`a real Nacos ${major}`, nacosAvailable(major), () => {
    let server: NacosServer;

    beforeAll(async () => {
      server = await startNacos({ major });
    }, 250_000);

    afterAll(() => server?.[Symbol.asyncDispose]());

    // A real server forgets whose socket closed at once, and whom it does not hear after 20 to 30 s: that is a test
    // of its own, in nacos.server.test.ts. Here a session is only how long faults last.
    const options = { sessionMs: 1_500, propagationMs: 5_000, recoveryMs: 20_000 };
    suites(`Nacos ${major}`, async () => grpcOf(server), { options, startsSlowly: true });
  });

/** The server as clients over gRPC see it. */
function grpcOf(server: NacosServer): ProxiedServer {
  return {
    host: server.host,
    port: server.grpcPort,
    kill: (signal) => server.kill(signal),
    restart: () => server.restart(),
    wipe: () => server.wipe(),
  };
}

describe("the embedded registry", () => {
  let server: EmbeddedProcess;

  beforeAll(async () => {
    server = await EmbeddedProcess.start();
  });

  afterAll(() => server?.[Symbol.asyncDispose]());

  // No pause: it runs in this process, which cannot stand still and test at the same time.
  const options = { lacks: ["pause"], sessionMs: 1_500, propagationMs: 2_000, recoveryMs: 10_000 } as const;
  suites("the embedded registry", async () => server, {
    options,
    more: { history: false },
    startsSlowly: false,
  });
});

/** The embedded registry, which can be ended and started as a process can. */
class EmbeddedProcess implements ProxiedServer, AsyncDisposable {
  readonly host = "127.0.0.1";
  #server: EmbeddedNacos | undefined;

  private constructor(
    private readonly folder: string,
    server: EmbeddedNacos,
    readonly port = server.grpcPort,
  ) {
    this.#server = server;
  }

  static async start(): Promise<EmbeddedProcess> {
    const folder = await mkdtemp(join(tmpdir(), "dubbo-ts-nacos-"));
    return new EmbeddedProcess(folder, await serve(folder, 0));
  }

  async kill(signal: "SIGKILL" | "SIGSTOP" | "SIGCONT"): Promise<void> {
    if (signal !== "SIGKILL") return;
    await this.#server?.[Symbol.asyncDispose]();
    this.#server = undefined;
  }

  async restart(): Promise<void> {
    this.#server ??= await serve(this.folder, this.port - 1000);
  }

  async wipe(): Promise<void> {
    await rm(join(this.folder, "configs.json"), { force: true });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill("SIGKILL");
    await rm(this.folder, { recursive: true });
  }
}

function serve(folder: string, port: number): Promise<EmbeddedNacos> {
  const detection = { idleMs: 700, answerMs: 500, everyMs: 100 };
  return startNacosServer({ port, dataFile: join(folder, "configs.json"), detection, tookOver: false });
}
