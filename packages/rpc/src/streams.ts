import { InvalidValueError } from "@dubbo-ts/core";
import { checkMethodResult } from "./check-call.js";
import { checkOf, type Side } from "./check-value.js";
import type { MethodDefinition } from "./service-definition.js";
import { Walk } from "./walk.js";

/** True for what `for await` can read. */
export function isAsyncIterable(value: unknown): value is AsyncIterable<unknown> {
  return typeof value === "object" && value !== null && Symbol.asyncIterator in value;
}

/** The messages of a provider's stream, each checked as it passes: a misfit ends the stream with INVALID_RESULT. */
export async function* checkedStream(
  definition: MethodDefinition,
  name: string,
  stream: AsyncIterable<unknown>,
): AsyncGenerator<unknown, void, undefined> {
  for await (const message of stream) {
    checkMethodResult(definition, name, message);
    yield message;
  }
}

/**
 * The messages of a consumer, each checked as it passes: a misfit ends the stream with INVALID_ARGUMENT.
 *
 * @param side `sent` where they leave, `received` where they arrive.
 */
export async function* checkedMessages(
  definition: MethodDefinition,
  name: string,
  messages: AsyncIterable<unknown>,
  side: Side = "sent",
): AsyncGenerator<unknown, void, undefined> {
  const type = definition.params[0];
  const check = type === undefined ? undefined : checkOf(type, side);
  let index = 0;
  for await (const message of messages) {
    const found = check?.(message, new Walk());
    if (found !== undefined)
      throw new InvalidValueError("INVALID_ARGUMENT", `${name}.messages[${index}]${found.path}`, found.why);
    index += 1;
    yield message;
  }
}
