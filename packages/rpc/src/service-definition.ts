import type { Infer, JavaType } from "./java-type.js";

/** How many messages go each way. Streams need a protocol that has them (triple). */
export type MethodKind = "unary" | "serverStream" | "clientStream" | "bidiStream";

/** One method: the types of its parameters and of its result. Its name is the key under which it stands. */
export interface MethodDefinition<
  Params extends readonly JavaType[] = readonly JavaType[],
  Result extends JavaType = JavaType,
  Kind extends MethodKind = MethodKind,
> {
  readonly kind: Kind;
  readonly params: Params;
  readonly result: Result;
  /** JVM descriptors of the parameters, `Ljava/lang/String;I`: what the dubbo protocol picks an overload by. */
  readonly descriptor: string;
  /** Java names of the parameter types, `java.lang.String`, `int`, `[I`: what triple and `$invoke` send. */
  readonly parameterTypes: readonly string[];
}

/** The methods of a service by name. */
export type Methods = Readonly<Record<string, MethodDefinition>>;

/**
 * A service, defined once as a value; everything else is derived from it. Built by `defineService`. The object
 * itself is the key under which codecs are kept, so it is made once, at module level.
 */
export interface ServiceDefinition<M extends Methods = Methods> {
  /** The fully qualified Java name. */
  readonly serviceInterface: string;
  readonly methods: M;
}

/** The arguments of a method as TypeScript sees them. */
export type ArgumentsOf<Method> =
  Method extends MethodDefinition<infer Params> ? { -readonly [I in keyof Params]: Infer<Params[I]> } : never;

/** The result of a method as TypeScript sees it. */
export type ResultOf<Method> = Method extends MethodDefinition<infer _, infer Result> ? Infer<Result> : never;

/** Settings of a single call. */
export interface CallOptions {
  /** How long the call may take in all, attempts included. Default: the method's or the reference's. */
  timeoutMs?: number;
  /** Sent along; values are texts. */
  attachments?: Readonly<Record<string, string>>;
  /** Cancels the call: it rejects with `signal.reason`. */
  signal?: AbortSignal;
  /** Told what the provider sent back beside the value, when the call has succeeded. */
  onAttachments?: (attachments: ReadonlyMap<string, string>) => void;
}

/** What one method of a provider looks like. Streams are async iterables of messages. */
export type ImplementationOf<Method> =
  Method extends MethodDefinition<infer Params, infer Result, infer Kind>
    ? Kind extends "serverStream"
      ? (...args: ArgumentsOf<Method>) => AsyncIterable<Infer<Result>>
      : Kind extends "clientStream"
        ? (messages: AsyncIterable<MessageOf<Params>>) => Promise<Infer<Result>>
        : Kind extends "bidiStream"
          ? (messages: AsyncIterable<MessageOf<Params>>) => AsyncIterable<Infer<Result>>
          : (...args: ArgumentsOf<Method>) => Infer<Result> | Promise<Infer<Result>>
    : never;

/** What one method of a consumer looks like. */
export type CallOf<Method> =
  Method extends MethodDefinition<infer Params, infer Result, infer Kind>
    ? Kind extends "serverStream"
      ? (...args: [...ArgumentsOf<Method>, options?: CallOptions]) => AsyncIterable<Infer<Result>>
      : Kind extends "clientStream"
        ? (messages: AsyncIterable<MessageOf<Params>>, options?: CallOptions) => Promise<Infer<Result>>
        : Kind extends "bidiStream"
          ? (
              messages: AsyncIterable<MessageOf<Params>>,
              options?: CallOptions,
            ) => AsyncIterable<Infer<Result>>
          : (...args: [...ArgumentsOf<Method>, options?: CallOptions]) => Promise<Infer<Result>>
    : never;

/** What a stream towards the provider carries: the one type in its parameters. */
type MessageOf<Params extends readonly JavaType[]> = Infer<Params[0]>;

/** What a provider writes: one method for each of the definition's, results awaited. */
export type Implementation<D extends ServiceDefinition> = {
  [N in keyof D["methods"]]: ImplementationOf<D["methods"][N]>;
};

/** What a consumer calls: the same methods, with {@link CallOptions} as an optional last argument. */
export type Client<D extends ServiceDefinition> = {
  readonly [N in keyof D["methods"]]: CallOf<D["methods"][N]>;
};
