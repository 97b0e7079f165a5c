import { isAbsolute, join, resolve } from "node:path";
import { ConfigError } from "@dubbo-ts/core";
import {
  defineService,
  type JavaType,
  method,
  type MethodDefinition,
  type MethodKind,
  type ServiceDefinition,
} from "@dubbo-ts/rpc";
import protobuf from "protobufjs";
import { protoMessage } from "./proto-message.js";

/** A message whose fields are not known to the compiler. */
export type Message = Readonly<Record<string, unknown>>;

/** A method of a protobuf service, for those who want to tell the compiler what {@link loadProto} found. */
export type ProtoMethod<
  Request = Message,
  Reply = Message,
  Kind extends MethodKind = "unary",
> = MethodDefinition<readonly [JavaType<Request>], JavaType<Reply>, Kind>;

/** A service whose methods are not known to the compiler. */
export type ProtoService = ServiceDefinition<Readonly<Record<string, ProtoMethod>>>;

/** Settings of {@link loadProto}. */
export interface LoadProtoOptions {
  /** Where imported files are looked for, beside the folder of the importing one. */
  readonly includeDirs?: readonly string[];
  /** True: fields are called as in the file, `user_id`. Default: `userId`. */
  readonly keepCase?: boolean;
}

const roots = new WeakMap<ServiceDefinition, protobuf.Root>();

/**
 * Reads a `.proto` file and gives its services by name, `const { Greeter } = await loadProto("greeter.proto")`; two
 * of one name by their full names. The interface of a service is `package.Service`; its methods are called as in the
 * file. A service definition like any other: what `defineService` makes is used in the same way.
 *
 * What is read here is not known to the compiler: messages are {@link Message}s, checked when they are sent. Name
 * the services to have them typed:
 *
 *     const { Greeter } = await loadProto<{
 *       Greeter: ServiceDefinition<{ SayHello: ProtoMethod<{ name: string }, { message: string }> }>;
 *     }>("greeter.proto");
 *
 * @param file a path, or the text of such a file.
 * @throws {ConfigError} DEFINITION_INVALID: the file cannot be read, or is none, or has no service.
 */
export async function loadProto<Services extends object = Readonly<Record<string, ProtoService>>>(
  file: string | { readonly source: string },
  options: LoadProtoOptions = {},
): Promise<Services> {
  const root = await loadRoot(file, options);
  const services = servicesIn(root);
  const found: Record<string, ServiceDefinition> = {};
  for (const service of services) {
    const unique = services.filter(({ name }) => name === service.name).length === 1;
    const definition = define(service);
    roots.set(definition, root);
    found[unique ? service.name : service.fullName.slice(1)] = definition;
  }
  if (services.length > 0) return found as Services;
  throw invalid(file, "there is no service in it");
}

/** Where the definition came from; undefined for those that were not loaded from a file. */
export function rootOf(definition: ServiceDefinition): protobuf.Root | undefined {
  return roots.get(definition);
}

async function loadRoot(
  file: string | { readonly source: string },
  options: LoadProtoOptions,
): Promise<protobuf.Root> {
  const { keepCase = false, includeDirs = [] } = options;
  const root = new protobuf.Root();
  const find = root.resolvePath.bind(root);
  root.resolvePath = (origin, target) => {
    const usual = find(origin, target);
    const candidates = [usual ?? target, ...includeDirs.map((folder) => resolve(join(folder, target)))];
    if (isAbsolute(target) || usual === null) return usual;
    return candidates.find((path) => protobuf.util.fs?.existsSync(path)) ?? usual;
  };
  try {
    if (typeof file === "string") await root.load(resolve(file), { keepCase });
    else protobuf.parse(file.source, root, { keepCase });
    root.resolveAll();
    return root;
  } catch (cause) {
    throw invalid(file, cause instanceof Error ? cause.message : String(cause), cause);
  }
}

function invalid(file: string | object, why: string, cause?: unknown): ConfigError {
  const name = typeof file === "string" ? file : "proto source";
  return new ConfigError("DEFINITION_INVALID", `${name}: ${why}`, { cause });
}

function servicesIn(namespace: protobuf.NamespaceBase): protobuf.Service[] {
  return namespace.nestedArray.flatMap((nested) => {
    if (nested instanceof protobuf.Service) return [nested];
    return nested instanceof protobuf.Namespace ? servicesIn(nested) : [];
  });
}

function define(service: protobuf.Service): ServiceDefinition {
  const messages = new Map<protobuf.Type, JavaType>();
  const messageOf = (type: protobuf.Type | null): JavaType => {
    if (type === null) throw new ConfigError("DEFINITION_INVALID", `${service.fullName}: an unknown message`);
    const known = messages.get(type) ?? protoMessage(type);
    messages.set(type, known);
    return known;
  };
  const methods = service.methodsArray.map((rpc) => {
    const request = messageOf(rpc.resolvedRequestType);
    const reply = messageOf(rpc.resolvedResponseType);
    return [rpc.name, describe(rpc, request, reply)] as const;
  });
  return defineService(service.fullName.slice(1), Object.fromEntries(methods));
}

function describe(rpc: protobuf.Method, request: JavaType, reply: JavaType): MethodDefinition {
  if (rpc.requestStream === true) {
    return rpc.responseStream === true ? method.bidi(request, reply) : method.clientStream(request, reply);
  }
  return rpc.responseStream === true ? method.serverStream([request], reply) : method([request], reply);
}
