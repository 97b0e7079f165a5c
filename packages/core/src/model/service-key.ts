/** The name of what is called. Two keys are equal when their texts are. */
export interface ServiceKey {
  /** Fully qualified interface name, for example `org.example.UserProvider`. */
  readonly serviceInterface: string;
  /** Empty: no group. */
  readonly group: string;
  /** Empty: no version. Dubbo's `0.0.0` is read as empty, since Java and Go differ about it (app-level discovery 0). */
  readonly version: string;
  /** `group/interface:version`, parts that are empty left out. */
  readonly text: string;
}

/** Makes a {@link ServiceKey}; version `0.0.0` becomes empty. */
export function serviceKey(
  serviceInterface: string,
  { group = "", version = "" }: { group?: string | undefined; version?: string | undefined } = {},
): ServiceKey {
  const known = version === "0.0.0" ? "" : version;
  const text = `${group === "" ? "" : `${group}/`}${serviceInterface}${known === "" ? "" : `:${known}`}`;
  return { serviceInterface, group, version: known, text };
}
