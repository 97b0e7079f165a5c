/** Where metadata of a revision is kept: in the provider's MetadataService, or in a report. */
export type MetadataStorage = "local" | "remote";

/** Coordinates of a provider's MetadataService; the host is the instance's (app-level discovery 2.4). */
export interface MetadataServiceAddress {
  /** `dubbo` or `tri`. */
  readonly protocol: string;
  readonly port: number;
  /** `meta-v`: 1.0.0 or 2.0.0. */
  readonly version: string;
}

/** One running process of an application, as a registry knows it. Never changed: a change is a new object. */
export interface ServiceInstance {
  readonly application: string;
  readonly host: string;
  readonly port: number;
  /** `host:port`; an IPv6 host in brackets. */
  readonly id: string;
  /** Undefined when the record has none, or says `0` or `N/A`: nothing can be called there. */
  readonly revision: string | undefined;
  readonly storage: MetadataStorage;
  /** Port by protocol (`dubbo.endpoints`). */
  readonly ports: Readonly<Record<string, number>>;
  readonly metadataService: MetadataServiceAddress | undefined;
  /** The registry's weight: 1 is normal, 0 means no traffic. */
  readonly weight: number;
  /** False when an operator switched it off. */
  readonly enabled: boolean;
  /** False when the registry itself found it ill. */
  readonly healthy: boolean;
  /** When the process started, ms since 1970. */
  readonly startedAtMs: number | undefined;
  readonly tag: string | undefined;
  /** The record's other keys, as they are. */
  readonly labels: Readonly<Record<string, string>>;
}

/** `host:port`, an IPv6 host in brackets. */
export function instanceId(host: string, port: number): string {
  return `${host.includes(":") ? `[${host}]` : host}:${port}`;
}
