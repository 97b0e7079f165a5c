import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { parse, parseAllDocuments } from "yaml";

const root = join(__dirname, "..");
const text = (path: string) => readFileSync(join(root, path), "utf8");

/** Every command of the files starts a program of ours, or one of the image's own. */
function checkCommand(command: readonly unknown[]): void {
  const words = command.map(String);
  if (words[0] !== "node") return;
  const main = words.find((word) => word.endsWith("/dist/main.js")) ?? "";
  const source = main.replace("/dist/main.js", "/src/main.ts");
  expect([source, existsSync(join(root, source))]).toEqual([source, true]);
  const options = words.slice(words.indexOf(main) + 1);
  const names = Object.keys(parseArgs({ args: options, strict: false }).values);
  for (const name of names) expect(text(source)).toContain(`${name}: { type: "string" }`);
}

describe("docker-compose.yml", () => {
  interface Service {
    readonly image?: string;
    readonly build?: { readonly context: string; readonly dockerfile: string };
    readonly command?: readonly unknown[];
    readonly profiles?: readonly string[];
    readonly healthcheck?: { readonly test: readonly string[] };
    readonly environment?: Readonly<Record<string, string>>;
    readonly depends_on?: Readonly<
      Record<string, { readonly condition: string; readonly required: boolean }>
    >;
  }
  const { services } = parse(text("docker-compose.yml"), { merge: true, strict: true }) as {
    readonly services: Readonly<Record<string, Service>>;
  };
  const entries = Object.entries(services);

  test("has a provider and a consumer, and three registries of which a profile starts one", () => {
    expect(Object.keys(services)).toEqual(["provider", "gateway", "zookeeper", "nacos", "etcd"]);
    for (const [name, { image, profiles, healthcheck }] of entries) {
      expect(image).toMatch(/^\S+$/);
      if (["provider", "gateway"].includes(name)) continue;
      expect(profiles).toEqual([name]);
      expect(healthcheck?.test[0]).toMatch(/^CMD/);
    }
  });

  test("names services, files and options that exist", () => {
    for (const [, { build, command = [], depends_on = {} }] of entries) {
      if (build !== undefined) expect(existsSync(join(root, build.context, build.dockerfile))).toBe(true);
      checkCommand(command);
      for (const [other, { condition }] of Object.entries(depends_on)) {
        expect(condition).toBe("service_healthy");
        expect(services[other]?.healthcheck).toBeDefined();
      }
    }
    expect(services["gateway"]?.environment).toEqual({
      DUBBO_REGISTRY: `\${REGISTRY:-zookeeper://zookeeper:2181}`,
    });
  });
});

describe("the manifests for Kubernetes", () => {
  interface Container {
    readonly image: string;
    readonly command?: readonly unknown[];
    readonly envFrom?: readonly { readonly configMapRef: { readonly name: string } }[];
    readonly ports: readonly { readonly name: string; readonly containerPort: number }[];
    readonly readinessProbe: Readonly<Record<string, { readonly port?: string } | number>>;
    readonly volumeMounts?: readonly { readonly name: string }[];
  }
  interface Manifest {
    readonly apiVersion: string;
    readonly kind: string;
    readonly metadata: { readonly name: string };
    readonly data?: Readonly<Record<string, string>>;
    readonly spec: {
      readonly selector: { readonly matchLabels?: object; readonly app?: string };
      readonly ports?: readonly { readonly targetPort: string }[];
      readonly template: {
        readonly metadata: { readonly labels: object };
        readonly spec: { readonly containers: readonly Container[] };
      };
      readonly volumeClaimTemplates?: readonly { readonly metadata: { readonly name: string } }[];
    };
  }
  const kinds: Readonly<Record<string, string>> = {
    ConfigMap: "v1",
    Service: "v1",
    Deployment: "apps/v1",
    StatefulSet: "apps/v1",
  };
  const folder = "deploy/kubernetes";
  const files = readdirSync(join(root, folder)).map((file) => {
    const documents = parseAllDocuments(text(`${folder}/${file}`), { strict: true });
    expect(documents.flatMap(({ errors }) => errors)).toEqual([]);
    return { file, manifests: documents.map((document) => document.toJS() as Manifest) };
  });
  const workloads = (manifests: readonly Manifest[]) =>
    manifests.filter(({ kind }) => ["Deployment", "StatefulSet"].includes(kind));

  test.each(files)("$file is of known kinds, and its parts fit each other", ({ manifests }) => {
    for (const { kind, apiVersion } of manifests) expect(apiVersion).toBe(kinds[kind]);
    for (const { metadata, spec } of workloads(manifests)) {
      expect(spec.selector.matchLabels).toEqual(spec.template.metadata.labels);
      expect(spec.template.metadata.labels).toEqual({ app: metadata.name });
      const [container] = spec.template.spec.containers as [Container];
      checkCommand(container.command ?? []);
      const ports = container.ports.map(({ name }) => name);
      const { tcpSocket, httpGet } = container.readinessProbe as Record<string, { port: string } | undefined>;
      expect(ports).toContain((tcpSocket ?? httpGet)?.port);
      expect(container.volumeMounts?.map(({ name }) => name)).toEqual(
        spec.volumeClaimTemplates?.map(({ metadata: { name } }) => name),
      );
    }
    for (const { spec } of manifests.filter(({ kind }) => kind === "Service")) {
      const served = workloads(manifests).find(({ metadata }) => metadata.name === spec.selector.app);
      const names = served?.spec.template.spec.containers[0]?.ports.map(({ name }) => name);
      expect(names).toEqual(spec.ports?.map(({ targetPort }) => targetPort));
    }
  });

  test("every store tells the applications its URL, and they read it from there", () => {
    const stores = files.filter(({ file }) => file !== "applications.yaml");
    expect(stores.map(({ file }) => file)).toEqual(["etcd.yaml", "nacos.yaml", "zookeeper.yaml"]);
    for (const { manifests } of stores) {
      const [map, service] = manifests;
      expect(map?.metadata.name).toBe("dubbo-registry");
      const { hostname, protocol } = new URL(map?.data?.["DUBBO_REGISTRY"] ?? "");
      expect([hostname, protocol]).toEqual([service?.metadata.name, `${hostname}:`]);
    }
    const applications = files.find(({ file }) => file === "applications.yaml")?.manifests ?? [];
    for (const { spec } of workloads(applications))
      expect(spec.template.spec.containers[0]?.envFrom).toEqual([
        { configMapRef: { name: "dubbo-registry" } },
      ]);
  });
});
