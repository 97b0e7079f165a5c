import type { ErrorCode } from "@dubbo-ts/core";
import type { FaultKind, Harness } from "./faults.js";
import { SuiteCase } from "./suite-case.js";

/** Generous: it only ends a test that hangs, and a real server that is started again may take its time. */
const testTimeoutMs = 250_000;

/** Declares a test of a suite; it is left out where the harness cannot cause one of `kinds`. */
export type SuiteCheck<Adapter extends AsyncDisposable> = (
  title: string,
  body: (at: SuiteCase<Adapter>) => Promise<void>,
  ...kinds: readonly FaultKind[]
) => void;

/** Makes a {@link SuiteCheck}: each test has a server, clients and readers of its own, closed when it ends. */
export function suiteCheck<Adapter extends AsyncDisposable>(
  factory: () => Promise<Harness<Adapter>>,
  lacks: readonly FaultKind[],
): SuiteCheck<Adapter> {
  return (title, body, ...kinds) => {
    if (kinds.some((kind) => lacks.includes(kind))) return;
    test(
      title,
      async () => {
        const at = await SuiteCase.open(factory);
        try {
          await body(at);
        } finally {
          await at[Symbol.asyncDispose]();
        }
      },
      testTimeoutMs,
    );
  };
}

/** What `work` gives, or an error as soon as `ms` are over. */
export async function within<T>(ms: number, work: () => PromiseLike<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`took longer than ${ms} ms`)), ms);
  });
  try {
    return await Promise.race([work(), late]);
  } finally {
    clearTimeout(timer);
  }
}

/** The code that `work` rejects with; undefined when it does not, or without a code. */
export async function codeOf(work: PromiseLike<unknown>): Promise<ErrorCode | undefined> {
  try {
    await work;
    return undefined;
  } catch (error) {
    return (error as { code?: ErrorCode }).code;
  }
}
