import type { RegistryBackend } from "@dubbo-ts/application";
import { deadline, DisposalScope, errorCodes, type ErrorCode, RegistryError } from "@dubbo-ts/core";
import { openPlaces } from "../registry-session.js";
import { messageOf } from "../text.js";
import type { CommandTools } from "../tools.js";
import { healthStep, instancesStep, revisionStep } from "./instance-steps.js";
import { cureByCode, problems } from "./problems.js";
import { addressStep, echoStep } from "./reach-steps.js";
import { mappingStep, providedByStep, registryStep } from "./registry-steps.js";
import { metadataStep, protocolStep, serviceStep } from "./service-steps.js";
import {
  type Examined,
  type Finding,
  type Known,
  nothingKnown,
  type Question,
  type Step,
  type StepContext,
} from "./step.js";

/** The consumer's way, from the registry to an answer. */
export const steps: readonly Step[] = [
  registryStep,
  mappingStep,
  providedByStep,
  instancesStep,
  healthStep,
  revisionStep,
  metadataStep,
  serviceStep,
  protocolStep,
  addressStep,
  echoStep,
];

/**
 * Walks the consumer's way, and yields what each step found as soon as it did; the first broken one is the last.
 *
 * @param onStep told the name of each step before it begins.
 * @throws `signal.reason` when it aborts.
 */
export async function* examine(
  question: Question,
  tools: CommandTools,
  signal: AbortSignal,
  onStep: (name: string) => void = () => {},
): AsyncGenerator<Finding, void, undefined> {
  await using scope = new DisposalScope();
  const context = await contextOf(question, tools, signal, scope);
  let known: Known = nothingKnown;
  for (const step of steps) {
    onStep(step.name);
    const startedMs = tools.runtime.clock.monotonicMs();
    const examined = await guarded(step, known, context);
    const ms = Math.round(tools.runtime.clock.monotonicMs() - startedMs);
    yield findingOf(step.name, examined, ms);
    if (examined.state === "broken") return;
    known = { ...known, ...examined.learned };
  }
}

async function contextOf(
  question: Question,
  tools: CommandTools,
  signal: AbortSignal,
  scope: DisposalScope,
): Promise<StepContext> {
  const { timeoutMs } = question;
  let backend: Promise<RegistryBackend> | undefined;
  const open = async () => scope.use(await openPlaces(question, tools));
  return {
    question,
    tools,
    signal,
    dialer: scope.use(await tools.openDialer("dubbo-ts-doctor", question.tls)),
    registry: () => (backend ??= open()),
    async within(work) {
      const late = () => new RegistryError("REGISTRY_UNAVAILABLE", `no answer in ${timeoutMs} ms`);
      using limit = deadline(tools.runtime.clock, timeoutMs, late, signal);
      return await work(limit.signal);
    },
  };
}

async function guarded(step: Step, known: Known, context: StepContext): Promise<Examined> {
  try {
    return await step.examine(known, context);
  } catch (error) {
    context.signal.throwIfAborted();
    const { code } = (error ?? {}) as { code?: ErrorCode };
    const isKnown = code !== undefined && errorCodes.includes(code);
    if (!isKnown) throw error;
    return { state: "broken", found: messageOf(error), problem: step.ifThrown, code };
  }
}

function findingOf(step: string, examined: Examined, ms: number): Finding {
  const { state, found } = examined;
  if (examined.state !== "broken") return { step, state, found, ms };
  const { problem } = examined;
  const { code = problems[problem].code } = examined;
  const cure = examined.cure ?? cureByCode[code] ?? problems[problem].cure;
  return { step, state, found, ms, problem, code, cure };
}
