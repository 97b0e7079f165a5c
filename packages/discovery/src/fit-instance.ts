import { encodeInstance, type Logger, RegistryError, type ServiceInstance } from "@dubbo-ts/core";

/** Limits of {@link fitInstance}. */
export interface FitOptions {
  /** Characters of all keys and values in all. Default 1024: what a Nacos server accepts (app-level discovery 2.5). */
  readonly maxChars?: number | undefined;
  /** True: there is a report that can keep the metadata, so that the address of the MetadataService is not needed. */
  readonly canStoreRemotely: boolean;
  readonly log: Logger;
}

/**
 * Makes the record of `instance` small enough for every registry. Over 80 % it says so, with the size of each
 * key. Over the limit it lets go what it may: the address of the MetadataService, by keeping the metadata in the
 * report instead. Labels stay, since others may route by them.
 * @throws {RegistryError} INSTANCE_METADATA_TOO_LARGE: what is left is still too large; names the keys.
 */
export function fitInstance(
  instance: ServiceInstance,
  { maxChars = 1_024, canStoreRemotely, log }: FitOptions,
): ServiceInstance {
  const before = sizesOf(instance);
  if (before.total <= maxChars * 0.8) return instance;
  const facts = { instance: instance.id, characters: before.total, maxChars, sizes: before.byKey };
  if (before.total <= maxChars) {
    log.warn(facts, "the instance record is nearly as large as registries accept");
    return instance;
  }
  const canMove = canStoreRemotely && instance.storage === "local";
  const smaller: ServiceInstance = canMove
    ? { ...instance, storage: "remote", metadataService: undefined }
    : instance;
  const after = sizesOf(smaller);
  if (after.total > maxChars)
    throw new RegistryError(
      "INSTANCE_METADATA_TOO_LARGE",
      `record of ${instance.application} at ${instance.id}: ${after.total} characters, at most ${maxChars}: ${list(after)}`,
    );
  log.warn(facts, "the instance record was too large: the metadata is kept in the report instead");
  return smaller;
}

interface Sizes {
  readonly total: number;
  readonly byKey: Readonly<Record<string, number>>;
}

function sizesOf(instance: ServiceInstance): Sizes {
  const sizes = Object.entries(encodeInstance(instance))
    .map(([key, value]) => [key, key.length + value.length] as const)
    .sort(([, a], [, b]) => b - a);
  return { total: sizes.reduce((sum, [, size]) => sum + size, 0), byKey: Object.fromEntries(sizes) };
}

function list({ byKey }: Sizes): string {
  return Object.entries(byKey)
    .map(([key, size]) => `${key} (${size})`)
    .join(", ");
}
