import { instanceId } from "@dubbo-ts/core";

/** A provider's instance, with a revision and an address of realistic length. */
export function instanceAt(
  application,
  index,
  revision = "2b04324bd248687484e2e65b1b9a3d16",
  startedAtMs = 1_700_000_000_000,
) {
  const host = `10.${(index >> 16) & 255}.${(index >> 8) & 255}.${index & 255}`;
  const port = 20_880;
  return {
    application,
    host,
    port,
    id: instanceId(host, port),
    revision,
    storage: "remote",
    ports: { dubbo: port },
    metadataService: { protocol: "dubbo", port, version: "1.0.0" },
    weight: 1,
    enabled: true,
    healthy: true,
    startedAtMs,
    tag: undefined,
    labels: {},
  };
}
