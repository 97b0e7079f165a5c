import { describeServices, type ExportedService } from "@dubbo-ts/metadata";
import { type ServiceUrl, serviceUrl } from "./service-url.js";

/** Whose services {@link providerUrls} describes. */
export interface ProviderProcess {
  readonly application: string;
  /** The address by which consumers reach it. */
  readonly host: string;
  /** When it began to serve, ms since 1970: consumers give a young provider less traffic. */
  readonly startedAtMs: number;
}

/**
 * The provider URLs of `services`, one for each service and protocol, with the parameters that Java registers
 * (app-level discovery 3.3, 11.5): those of the metadata, and what only the URL has.
 * @throws {ConfigError} SERVICE_ALREADY_EXPORTED: one key over one protocol twice.
 */
export function providerUrls(
  { application, host, startedAtMs }: ProviderProcess,
  services: readonly ExportedService[],
): readonly ServiceUrl[] {
  const onlyHere = {
    deprecated: "false",
    dynamic: "true",
    generic: "false",
    timestamp: String(startedAtMs),
  };
  return [...describeServices(application, services).services.values()].map(
    ({ key, protocol, port = 0, params }) =>
      serviceUrl({
        protocol,
        host,
        port,
        path: key.serviceInterface,
        params: { ...onlyHere, ...params },
      }),
  );
}
