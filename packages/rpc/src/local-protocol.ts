import { abortable, RpcError, type Runtime } from "@dubbo-ts/core";
import { copyValue, copyValues } from "./copy-value.js";
import { findMethod } from "./define-service.js";
import type { Invocation } from "./invocation.js";
import type { Invoker } from "./invoker.js";
import { methodNotFound } from "./method-not-found.js";
import type { ServedService } from "./protocol.js";
import { asCallError } from "./remote-exception.js";
import type { MethodDefinition } from "./service-definition.js";

/**
 * The short cut to a service of the same process: no socket, but otherwise what a wire does. Arguments and results
 * are copied by their types, errors are those that a peer would send, attachments travel both ways, the deadline
 * and the caller's signal end the waiting, and a one-way call is over when it was begun. Streams pass uncopied.
 */
export function localInvoker(served: ServedService, { clock, log }: Pick<Runtime, "clock" | "log">): Invoker {
  return {
    async invoke(invocation) {
      invocation.signal?.throwIfAborted();
      const remainingMs = invocation.deadlineMs - clock.monotonicMs();
      if (remainingMs <= 0) throw timeout(invocation, false);
      const arrived = arrive(served, invocation);
      const answer = answerOf(served, invocation, arrived);
      if (invocation.oneway) {
        answer.catch((error: unknown) =>
          log.warn({ service: served.key.text, method: arrived.method, error }, "a one-way call failed"),
        );
        return undefined;
      }
      const { signal } = invocation;
      const cancellable = signal === undefined ? answer : abortable(answer, signal);
      return remainingMs === Infinity ? cancellable : within(remainingMs, cancellable, invocation, clock);
    },
  };
}

/** The call as the provider sees it. */
function arrive({ key, definition }: ServedService, invocation: Invocation): Invocation {
  const found = findMethod(definition, invocation.method);
  if (found === undefined) throw methodNotFound({ service: key, method: invocation.method });
  return {
    ...invocation,
    service: key,
    definition,
    method: found.name,
    methodDefinition: found.definition,
    args: copyArguments(invocation),
    attachments: new Map(invocation.attachments),
    responseAttachments: new Map(),
    peer: { address: "local", application: invocation.attachments.get("remote.application") },
  };
}

function copyArguments({ methodDefinition, args }: Invocation): readonly unknown[] {
  return isUnary(methodDefinition) ? copyValues(methodDefinition.params, args) : args;
}

function isUnary({ kind }: MethodDefinition): boolean {
  return kind === "unary";
}

// Begun in a later turn, as a peer's: a method never runs inside of the expression that calls it.
async function answerOf(
  served: ServedService,
  invocation: Invocation,
  arrived: Invocation,
): Promise<unknown> {
  await Promise.resolve();
  try {
    const result = await served.invoker.invoke(arrived);
    const { methodDefinition } = invocation;
    return isUnary(methodDefinition) ? copyValue(methodDefinition.result, result) : result;
  } catch (error) {
    throw asCallError(error);
  } finally {
    for (const [key, text] of arrived.responseAttachments) invocation.responseAttachments.set(key, text);
  }
}

function within(
  remainingMs: number,
  answer: Promise<unknown>,
  invocation: Invocation,
  clock: Runtime["clock"],
): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const timer = clock.setTimeout(() => reject(timeout(invocation, true)), remainingMs);
    answer.then(resolve, reject).finally(() => timer.cancel());
  });
}

function timeout({ service, method }: Invocation, mayHaveRun: boolean): RpcError {
  return new RpcError("CALL_TIMEOUT", `${service.text}.${method}: no answer before the deadline`, {
    peer: "local",
    mayHaveRun,
  });
}
