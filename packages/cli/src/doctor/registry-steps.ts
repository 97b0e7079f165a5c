import { parseRegistryAddress, type RegistryHost } from "@dubbo-ts/config";
import { tcpProbe } from "../tcp-probe.js";
import { count, messageOf, someOf } from "../text.js";
import { lookElsewhere, safeUrl } from "./other-places.js";
import type { Examined, Known, Step, StepContext } from "./step.js";

/** Is there a registry at the address, and does it answer? */
export const registryStep: Step = {
  name: "registry",
  ifThrown: "registry-down",
  async examine(_, context) {
    const place = safeUrl(context.question.registry);
    const refused = await refusal(context);
    if (refused !== undefined)
      return { state: "broken", found: `${place} cannot be reached: ${refused}`, problem: "registry-down" };
    const { registry } = await context.registry();
    const names = await context.within((signal) => registry.applications(signal));
    const found = `${place} answers, ${count(names.length, "application")}`;
    return { state: "ok", found, learned: { names: [...names].sort() } };
  },
};

/** Why no server of the address can be connected to; undefined when one can, or when none is named. */
async function refusal({ question, tools, signal }: StepContext): Promise<string | undefined> {
  const servers = serversOf(question.registry);
  if (servers.length === 0) return undefined;
  const enough = new AbortController();
  const either = AbortSignal.any([signal, enough.signal]);
  try {
    await Promise.any(servers.map((server) => tcpProbe(server, question.timeoutMs, tools.runtime, either)));
    return undefined;
  } catch (error) {
    signal.throwIfAborted();
    const failures = error instanceof AggregateError ? (error.errors as unknown[]) : [error];
    return failures.map(messageOf).join("; ");
  } finally {
    enough.abort(); // the others need not be waited for
  }
}

/** Clients of Nacos use the port 1000 above the one that is named (registries, Nacos gRPC). */
function serversOf(url: string): readonly RegistryHost[] {
  const { scheme, hosts } = parseRegistryAddress(url);
  if (scheme !== "nacos" && scheme !== "local") return hosts;
  const named = hosts.length > 0 ? hosts : [{ host: "127.0.0.1", port: 8848 }];
  return named.map(({ host, port }) => ({ host, port: port + 1_000 }));
}

/** Which applications does the mapping have for the interface? That there are none is judged by the next step. */
export const mappingStep: Step = {
  name: "mapping",
  ifThrown: "registry-down",
  async examine(_, context) {
    const { serviceInterface } = context.question.service;
    const { metadataReport } = await context.registry();
    if (metadataReport === undefined)
      return { state: "warning", found: "this registry keeps no mapping: applications must be named" };
    const record = await context.within((signal) => metadataReport.readMapping(serviceInterface, signal));
    const mapped = [...record.applications];
    if (mapped.length === 0) return { state: "warning", found: `nobody is mapped to ${serviceInterface}` };
    return { state: "ok", found: `${serviceInterface} -> ${someOf(mapped)}`, learned: { mapped } };
  },
};

/** Who is asked: those of the mapping, and those that were named by hand. */
export const providedByStep: Step = {
  name: "provided-by",
  ifThrown: "registry-down",
  async examine(known, context) {
    const named = context.question.applications;
    const applications = [...new Set([...named, ...known.mapped])];
    if (applications.length === 0) return nobodyToAsk(known, context);
    const found = applications.map((name) => `${name} (${named.includes(name) ? "--app" : "mapping"})`);
    return { state: "ok", found: someOf(found), learned: { applications } };
  },
};

async function nobodyToAsk({ names }: Known, context: StepContext): Promise<Examined> {
  const { registry, service } = context.question;
  const elsewhere = await lookElsewhere(context, async ({ metadataReport }, signal) => {
    const record = await metadataReport?.readMapping(service.serviceInterface, signal);
    return [...(record?.applications ?? [])];
  });
  if (elsewhere !== undefined)
    return {
      state: "broken",
      found: `nobody is mapped to it here, but ${someOf(elsewhere.found)} at ${elsewhere.place}`,
      problem: "wrong-root",
      cure: `use ${elsewhere.place}, or let the providers register here`,
    };
  if (names.length === 0)
    return {
      state: "broken",
      found: `${safeUrl(registry)} is empty: no application has ever registered there`,
      problem: "wrong-root",
    };
  return {
    state: "broken",
    found: `no application is mapped to it, and none is named; registered are ${someOf(names)}`,
    problem: "no-mapping",
  };
}
