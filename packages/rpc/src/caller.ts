import { abortable, type Clock, InvalidValueError, type Runtime, type ServiceKey } from "@dubbo-ts/core";
import { readOptions, requireAttachments } from "./call-options.js";
import { checkMethodArguments, isStreamIn } from "./check-call.js";
import type { Invocation } from "./invocation.js";
import type { Invoker } from "./invoker.js";
import type { CallOptions, MethodDefinition, ServiceDefinition } from "./service-definition.js";
import { checkedMessages, isAsyncIterable } from "./streams.js";

/** What a client needs beside the definition and whom to call. */
export interface ClientSettings {
  readonly service: ServiceKey;
  readonly runtime: Pick<Runtime, "clock">;
  /** How long one attempt of a call of this method may take; Infinity: as long as it likes. */
  timeoutMs(method: string): number;
  /** How many attempts a call of this method may take: its time is that many times the timeout. Default 1. */
  attempts?(method: string): number;
  /** The settings of the method at present, kept with the call as {@link Invocation.begunWith}. Default: none. */
  begunWith?(method: string): unknown;
  /** Sent with every call; those of the call itself win. Default: none. */
  readonly attachments?: Readonly<Record<string, string>> | undefined;
  /** True for methods whose answer nobody waits for. Default: none. */
  oneway?(method: string): boolean;
}

/** Makes invocations of calls. On the path of every call: no timer, no signal, no copy unless the call asks for one. */
export class Caller {
  readonly #clock: Clock;
  readonly #attachments: ReadonlyMap<string, string>;

  constructor(
    private readonly definition: ServiceDefinition,
    private readonly invoker: Invoker,
    private readonly settings: ClientSettings,
  ) {
    const attachments = settings.attachments ?? {};
    requireAttachments(`${definition.serviceInterface}.attachments`, attachments);
    this.#clock = settings.runtime.clock;
    this.#attachments = new Map(Object.entries(attachments));
  }

  /**
   * Calls `method` with what the program passed: its arguments and, maybe, options. Never throws, rejects.
   *
   * @param always sent, whatever the settings and options say.
   */
  call(
    name: string,
    method: MethodDefinition,
    passed: readonly unknown[],
    always?: Readonly<Record<string, string>>,
  ): Promise<unknown> {
    try {
      const count = method.params.length;
      const hasOptions = passed.length === count + 1;
      const options = hasOptions ? readOptions(name, passed[count]) : undefined;
      const args = hasOptions ? passed.slice(0, count) : passed;
      checkMethodArguments(method, name, args, "sent");
      return this.#invoke(this.#invocation(name, method, args, options, always), options);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  #invocation(
    name: string,
    method: MethodDefinition,
    args: readonly unknown[],
    options: CallOptions | undefined,
    always: Readonly<Record<string, string>> | undefined,
  ): Invocation {
    const { settings } = this;
    const wished = options?.timeoutMs;
    // A stream lasts as long as it lasts, as in Java, unless this call says otherwise.
    const attemptMs = wished ?? (method.kind === "unary" ? settings.timeoutMs(name) : Infinity);
    const attempts = wished === undefined ? (settings.attempts?.(name) ?? 1) : 1;
    return {
      service: settings.service,
      definition: this.definition,
      method: name,
      methodDefinition: method,
      args: isStreamIn(method) ? [messagesOf(method, name, args[0])] : args,
      attachments: this.#attachmentsOf(options?.attachments, always),
      responseAttachments: new Map(),
      deadlineMs: this.#clock.monotonicMs() + attemptMs * attempts,
      attemptTimeoutMs: wished === undefined ? attemptMs : undefined,
      begunWith: settings.begunWith?.(name),
      signal: options?.signal,
      oneway: settings.oneway?.(name) ?? false,
      peer: undefined,
    };
  }

  #attachmentsOf(
    own: Readonly<Record<string, string>> | undefined,
    always: Readonly<Record<string, string>> | undefined,
  ): ReadonlyMap<string, string> {
    if (own === undefined && always === undefined) return this.#attachments;
    return new Map([...this.#attachments, ...Object.entries(own ?? {}), ...Object.entries(always ?? {})]);
  }

  #invoke(invocation: Invocation, options: CallOptions | undefined): Promise<unknown> {
    const { signal, onAttachments } = options ?? {};
    if (signal?.aborted) return Promise.reject(signal.reason);
    const answer = this.invoker.invoke(invocation);
    const cancellable = signal === undefined ? answer : abortable(answer, signal);
    if (onAttachments === undefined) return cancellable;
    return cancellable.then((result) => {
      onAttachments(invocation.responseAttachments);
      return result;
    });
  }
}

function messagesOf(method: MethodDefinition, name: string, messages: unknown): AsyncIterable<unknown> {
  if (isAsyncIterable(messages)) return checkedMessages(method, name, messages);
  throw new InvalidValueError(
    "INVALID_ARGUMENT",
    `${name}.args[0]`,
    "expected an async iterable of messages",
  );
}
