import type { ServiceInstance } from "@dubbo-ts/core";
import { unusableReason } from "@dubbo-ts/discovery";

const reasons = { disabled: "disabled", unhealthy: "unhealthy", weight: "weight 0" } as const;

/** Whether an instance takes calls, in a word or two: `ok`, `disabled`, `unhealthy`, `weight 0`, `not dubbo`. */
export function stateOf(instance: ServiceInstance): string {
  const reason = unusableReason(instance);
  if (reason !== undefined) return reasons[reason];
  return instance.revision === undefined ? "not dubbo" : "ok";
}

/** `dubbo:20880 tri:50051`. */
export function portsOf({ ports }: ServiceInstance): string {
  return Object.entries(ports)
    .map(([protocol, port]) => `${protocol}:${port}`)
    .join(" ");
}

/** The distinct revisions of some instances. */
export function revisionsOf(instances: readonly ServiceInstance[]): readonly string[] {
  return [...new Set(instances.flatMap(({ revision }) => revision ?? []))];
}

/** The first digits of a revision: Go's have 128. */
export function shortRevision(revision: string | undefined): string {
  return revision === undefined ? "-" : revision.slice(0, 12);
}
