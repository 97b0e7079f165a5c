import { instanceId, type ServiceInstance } from "@dubbo-ts/core";

/** An instance as a provider registers it; what is not given is plausible. `id` follows host and port. */
export function sampleInstance(fields: Partial<Omit<ServiceInstance, "id">> = {}): ServiceInstance {
  const { host = "10.0.0.1", port = 20_880 } = fields;
  return {
    application: "sample-app",
    revision: "2b04324bd248687484e2e65b1b9a3d16",
    storage: "local",
    ports: { dubbo: port },
    metadataService: { protocol: "dubbo", port, version: "1.0.0" },
    weight: 1,
    enabled: true,
    healthy: true,
    startedAtMs: 1_700_000_000_000,
    tag: undefined,
    labels: {},
    ...fields,
    host,
    port,
    id: instanceId(host, port),
  };
}
