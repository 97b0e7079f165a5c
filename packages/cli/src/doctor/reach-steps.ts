import { type ErrorCode, errorCodes, hasCode, instanceId } from "@dubbo-ts/core";
import { createGenericClient } from "@dubbo-ts/rpc";
import { tcpProbe } from "../tcp-probe.js";
import { count, messageOf, someOf } from "../text.js";
import { tlsCure } from "./problems.js";
import type { Step, StepContext, Target } from "./step.js";

/** More addresses than these say nothing new. */
const maxTargets = 16;

interface Tried {
  readonly target: Target;
  readonly error: unknown;
}

/** Tries some targets side by side. */
async function tryAll(
  targets: readonly Target[],
  signal: AbortSignal,
  attempt: (target: Target) => Promise<unknown>,
): Promise<{ readonly well: readonly Target[]; readonly failed: readonly Tried[] }> {
  const tried = await Promise.all(
    targets.slice(0, maxTargets).map(async (target): Promise<Tried> => {
      try {
        await attempt(target);
        return { target, error: undefined };
      } catch (error) {
        signal.throwIfAborted();
        return { target, error };
      }
    }),
  );
  const failed = tried.filter(({ error }) => error !== undefined);
  return { well: tried.filter(({ error }) => error === undefined).map(({ target }) => target), failed };
}

function textsOf(failed: readonly Tried[]): string {
  const texts = failed.map(({ target: { endpoint }, error }) => {
    const message = messageOf(error);
    const isNamed = message.includes(instanceId(endpoint.host, endpoint.port));
    return isNamed ? message : `${endpoint.key}: ${message}`;
  });
  return someOf(texts);
}

/** Can the addresses be connected to from here? */
export const addressStep: Step = {
  name: "address",
  ifThrown: "address-unreachable",
  async examine({ targets }, { question, tools, signal }) {
    const { well, failed } = await tryAll(targets, signal, ({ endpoint }) =>
      tcpProbe(endpoint, question.timeoutMs, tools.runtime, signal),
    );
    if (well.length === 0) return { state: "broken", found: textsOf(failed), problem: "address-unreachable" };
    const reachable = `${well.length} of ${well.length + failed.length} can be connected to`;
    const found =
      failed.length > 0 ? `${reachable}; ${textsOf(failed)}` : `${reachable}: ${addressesOf(well)}`;
    return { state: failed.length > 0 ? "warning" : "ok", found, learned: { targets: well } };
  },
};

function addressesOf(targets: readonly Target[]): string {
  return someOf(targets.map(({ endpoint: { host, port } }) => instanceId(host, port)));
}

/** Do the providers answer `$echo`? */
export const echoStep: Step = {
  name: "echo",
  ifThrown: "provider-error",
  async examine({ targets }, context) {
    const { well, failed } = await tryAll(targets, context.signal, (target) => echo(target, context));
    const [first] = failed;
    if (well.length === 0 && first !== undefined)
      return {
        state: "broken",
        found: textsOf(failed),
        problem: "provider-error",
        code: codeOf(first.error),
        cure: tlsCure(messageOf(first.error)),
      };
    const answers = `${count(well.length, "provider")} ${well.length === 1 ? "answers" : "answer"}`;
    if (failed.length === 0) return { state: "ok", found: answers };
    return { state: "warning", found: `${answers}; ${textsOf(failed)}` };
  },
};

async function echo(
  { endpoint, info }: Target,
  { question, dialer, tools, signal }: StepContext,
): Promise<void> {
  const invoker = dialer.refer(endpoint);
  try {
    const settings = { service: info.key, runtime: tools.runtime, timeoutMs: () => question.timeoutMs };
    const client = createGenericClient(info.key.serviceInterface, invoker, settings);
    await client.$echo("dubbo-ts doctor", { signal });
  } catch (error) {
    // A plain gRPC service knows no $echo; that it says so is an answer too.
    if (!hasCode(error, "METHOD_NOT_FOUND")) throw error;
  } finally {
    await invoker[Symbol.asyncDispose]();
  }
}

function codeOf(error: unknown): ErrorCode | undefined {
  const { code } = (error ?? {}) as { code?: ErrorCode };
  return code !== undefined && errorCodes.includes(code) ? code : undefined;
}
