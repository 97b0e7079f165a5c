import { InvalidValueError } from "@dubbo-ts/core";
import { type JavaType, type MethodDefinition, realize } from "@dubbo-ts/rpc";

/**
 * The arguments in a JSON body, in every form that Java takes (rpc-protocols 3.4): a list of all of them; the bare
 * value of the only parameter; an object by parameter names, which are `arg0`, `arg1`... here, since a definition
 * does not name parameters, or any names in the order of the parameters.
 *
 * @param body what `JSON.parse` gave; undefined: there was no body.
 * @throws {InvalidValueError} INVALID_ARGUMENT with the path.
 */
export function readArguments({ params }: MethodDefinition, name: string, body: unknown): unknown[] {
  const values = valuesOf(params, body);
  if (values.length !== params.length)
    throw new InvalidValueError(
      "INVALID_ARGUMENT",
      `${name}.args`,
      `expected ${params.length} arguments, got ${values.length}`,
    );
  return params.map((type, index) => realize(type, values[index], `${name}.args[${index}]`));
}

function valuesOf(params: readonly JavaType[], body: unknown): readonly unknown[] {
  if (body === undefined) return [];
  const [only] = params;
  if (params.length === 1 && only !== undefined) return [onlyValue(only, body)];
  if (Array.isArray(body)) return body as unknown[];
  if (typeof body === "object" && body !== null)
    return namedValues(body as Record<string, unknown>, params.length);
  return [body];
}

/** A list is the arguments, unless the parameter is itself a list and the argument is not one in a list. */
function onlyValue(type: JavaType, body: unknown): unknown {
  if (!Array.isArray(body)) return body;
  if (!isList(type)) return body.length === 1 ? (body[0] as unknown) : body;
  const [first] = body as unknown[];
  // Bytes may be a text, too.
  return body.length === 1 && wraps(type, first) ? first : body;
}

function wraps(type: JavaType, first: unknown): boolean {
  if (type.kind === "nullable" || type.kind === "transform") return wraps(type.type, first);
  return Array.isArray(first) || (type.kind === "bytes" && typeof first === "string");
}

function isList(type: JavaType): boolean {
  switch (type.kind) {
    case "nullable":
    case "transform":
      return isList(type.type);
    case "lazy":
      return isList(type.resolve());
    default:
      return ["list", "set", "array", "bytes"].includes(type.kind);
  }
}

function namedValues(body: Readonly<Record<string, unknown>>, count: number): readonly unknown[] {
  const byNumber = Array.from({ length: count }, (_, index) => `arg${index}`);
  if (byNumber.some((name) => Object.hasOwn(body, name))) return byNumber.map((name) => body[name]);
  return Object.values(body);
}
