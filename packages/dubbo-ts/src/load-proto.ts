import type { LoadProtoOptions, ProtoService } from "@dubbo-ts/protocol-triple";

/**
 * Reads the services of a `.proto` file: `const { Greeter } = await loadProto("greeter.proto")`. See `loadProto` of
 * `@dubbo-ts/protocol-triple`, whose code is loaded when this is called.
 *
 * @throws {ConfigError} DEFINITION_INVALID: the file cannot be read, or is none, or has no service.
 */
export async function loadProto<Services extends object = Readonly<Record<string, ProtoService>>>(
  file: string | { readonly source: string },
  options?: LoadProtoOptions,
): Promise<Services> {
  const triple = await import("@dubbo-ts/protocol-triple");
  return triple.loadProto<Services>(file, options);
}
