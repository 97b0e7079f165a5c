import type { ServiceKey } from "@dubbo-ts/core";
import type { RegistrySession } from "../registry-session.js";

/** One method in a published service definition. */
export interface PublishedMethod {
  readonly name: string;
  /** As Java names them: `long`, `java.lang.String`, `java.util.List<org.example.User>`. */
  readonly parameterTypes: readonly string[];
}

/**
 * The types of a method's parameters by the service definition that Java providers publish (app-level discovery
 * 7.5). Undefined where there is none, it cannot be read, or several overloads take so many arguments.
 */
export async function publishedTypes(
  session: RegistrySession,
  service: ServiceKey,
  applications: readonly string[],
  method: string,
  argumentCount: number,
): Promise<readonly string[] | undefined> {
  for (const application of applications) {
    const text = await session.ask(async ({ metadataReport }, signal) =>
      metadataReport?.fetchDefinition?.(service, application, signal),
    );
    const fitting = methodsIn(text).filter(
      ({ name, parameterTypes }) => name === method && parameterTypes.length === argumentCount,
    );
    if (fitting.length > 1) return undefined;
    if (fitting[0] !== undefined) return fitting[0].parameterTypes.map(rawName);
  }
  return undefined;
}

/** The methods that a published definition lists; none when it cannot be read. */
export function methodsIn(text: string | undefined): readonly PublishedMethod[] {
  const { methods } = (parsed(text) ?? {}) as { methods?: unknown };
  if (!Array.isArray(methods)) return [];
  return (methods as unknown[]).flatMap((one) => {
    const { name, parameterTypes } = (one ?? {}) as { name?: unknown; parameterTypes?: unknown };
    const isMethod = typeof name === "string" && Array.isArray(parameterTypes);
    return isMethod && parameterTypes.every((type) => typeof type === "string")
      ? [{ name, parameterTypes }]
      : [];
  });
}

/** `$invoke` wants the class without its type arguments. */
function rawName(type: string): string {
  return type.replace(/<.*>/, "");
}

function parsed(text: string | undefined): unknown {
  if (text === undefined) return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
