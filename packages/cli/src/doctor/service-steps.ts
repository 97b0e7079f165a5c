import { endpoint, hasCode, type ServiceInfo, type ServiceInstance } from "@dubbo-ts/core";
import { matchingServices, offerOf, type OfferedService } from "@dubbo-ts/discovery";
import { readRevision, type RevisionMetadata } from "../revision-metadata.js";
import { shortRevision } from "../state-of.js";
import { count, messageOf, someOf } from "../text.js";
import { tlsCure } from "./problems.js";
import type { Known, Question, Step, StepContext, Target } from "./step.js";

/** What do the revisions offer, and who tells? */
export const metadataStep: Step = {
  name: "metadata",
  ifThrown: "metadata-unavailable",
  async examine({ instances }, context) {
    const groups = new Map(instances.map((one) => [`${one.application}\n${one.revision}`, one]));
    const tried = await Promise.all([...groups.values()].map((one) => attempt(one, instances, context)));
    const revisions = tried.flatMap((one) => ("metadata" in one ? [one] : []));
    const failures = tried.flatMap((one) => ("failure" in one ? [one] : []));
    const said = failures.map(({ revision, failure }) => `${shortRevision(revision)}: ${messageOf(failure)}`);
    if (revisions.length === 0) {
      const invalid = failures.every(({ failure }) => isInvalid(failure));
      return {
        state: "broken",
        found: someOf(said),
        problem: "metadata-unavailable",
        cure: tlsCure(said.join()),
        ...(invalid && { code: "METADATA_INVALID", cure: "correct what published it" }),
      };
    }
    const sources = revisions.map(
      ({ metadata, source }) => `${shortRevision(metadata.revision)} from ${sourceText(source)}`,
    );
    const found = someOf([...sources, ...said]);
    return { state: failures.length > 0 ? "warning" : "ok", found, learned: { revisions } };
  },
};

function sourceText(source: string): string {
  return source === "report" ? "the report" : `instance ${source}`;
}

/** Whoever was asked did answer, but with something else. */
function isInvalid(error: unknown): boolean {
  if (hasCode(error, "METADATA_INVALID")) return true;
  const { cause, errors } = (error ?? {}) as { cause?: unknown; errors?: unknown };
  return Array.isArray(errors)
    ? errors.length > 0 && errors.every(isInvalid)
    : cause !== undefined && isInvalid(cause);
}

async function attempt(
  { application, revision = "" }: ServiceInstance,
  instances: readonly ServiceInstance[],
  context: StepContext,
): Promise<RevisionMetadata | { readonly revision: string; readonly failure: unknown }> {
  const { dialer, tools } = context;
  const own = instances.filter((instance) => instance.application === application);
  try {
    const backend = await context.registry();
    return await context.within((signal) =>
      readRevision(application, revision, own, backend, dialer, tools, signal),
    );
  } catch (failure) {
    context.signal.throwIfAborted();
    return { revision, failure };
  }
}

/** Is the service among what is offered, in this version and group? */
export const serviceStep: Step = {
  name: "service",
  ifThrown: "not-offered",
  async examine({ revisions }, { question }) {
    const { service } = question;
    const offered = revisions.flatMap(({ metadata }) => [...metadata.services.values()]);
    const namesakes = offered.filter(({ key }) => key.serviceInterface === service.serviceInterface);
    if (namesakes.length === 0) {
      const names = [...new Set(offered.map(({ key }) => key.serviceInterface))];
      const instead = names.length > 0 ? someOf(names) : "nothing at all";
      return { state: "broken", found: `not among what is offered: ${instead}`, problem: "not-offered" };
    }
    const matching = revisions.flatMap((revision) => matches(question, [], revision).map(({ info }) => info));
    if (matching.length > 0) return { state: "ok", found: `${textsOf(matching)} is offered` };
    return {
      state: "broken",
      found: `${wantedText(question)} is wanted, ${textsOf(namesakes)} is offered`,
      problem: "other-version-or-group",
      cure: `ask for ${optionsFor(namesakes[0] as ServiceInfo)}`,
    };
  },
};

function matches(
  { service }: Question,
  protocols: readonly string[],
  { metadata, instances }: RevisionMetadata,
): readonly OfferedService[] {
  const [instance] = instances;
  return instance === undefined ? [] : matchingServices({ service, protocols }, offerOf(metadata, instance));
}

function textsOf(infos: readonly ServiceInfo[]): string {
  return someOf([...new Set(infos.map(({ key, protocol }) => `${key.text} (${protocol})`))]);
}

function wantedText({ service: { version, group } }: Question): string {
  return `version ${version || "(none)"}, group ${group || "(none)"}`;
}

/** For the command and for a configuration alike; an option that is not needed is left out. */
function optionsFor({ key: { version, group } }: ServiceInfo): string {
  const options = [version !== "" && `--version ${version}`, group !== "" && `--group ${group}`];
  return options.filter(Boolean).join(" ") || "no version and no group";
}

/** Is it served over a protocol, and with a serialization, that this program speaks? */
export const protocolStep: Step = {
  name: "protocol",
  ifThrown: "other-protocol",
  async examine({ revisions }, { question, dialer }) {
    const wanted = question.protocols.length > 0 ? question.protocols : dialer.protocols;
    const spoken = wanted.filter((name) => dialer.protocols.includes(name));
    const offered = [
      ...new Set(revisions.flatMap((one) => matches(question, [], one)).map(({ info }) => info.protocol)),
    ];
    const targets = spoken.length === 0 ? [] : targetsOf(revisions, question, spoken);
    if (targets.length === 0)
      return {
        state: "broken",
        found: `offered over ${offered.join(", ")}; ${wanted.join(", ") || "nothing"} is wanted, ${dialer.protocols.join(", ")} spoken`,
        problem: "other-protocol",
      };
    const readable = targets.filter(({ info }) => acceptsHessian2(info));
    if (readable.length === 0)
      return {
        state: "broken",
        found: `${serializationsOf(targets)} is offered, hessian2 spoken`,
        problem: "other-serialization",
      };
    const protocols = [...new Set(readable.map(({ info }) => info.protocol))].join(", ");
    const found = `${protocols} at ${count(readable.length, "address", "addresses")}`;
    return {
      state: readable.length < targets.length ? "warning" : "ok",
      found,
      learned: { targets: readable },
    };
  },
};

/** One for each address: a process of dubbo-go is listed once for each of its ports. */
function targetsOf(
  revisions: Known["revisions"],
  question: Question,
  spoken: readonly string[],
): readonly Target[] {
  const targets = new Map<string, Target>();
  for (const revision of revisions)
    for (const { info, lane } of matches(question, spoken, revision))
      for (const { host, port, ports, application } of revision.instances) {
        const { protocol } = info;
        const address = { protocol, host, port: lane.port ?? ports[protocol] ?? port, application };
        const made = endpoint(address);
        if (!targets.has(made.key)) targets.set(made.key, { endpoint: made, info });
      }
  return [...targets.values()];
}

/** Triple says with every message how it is written; over dubbo the two sides must agree beforehand (rpc-protocols 1.9). */
function acceptsHessian2({ protocol, params }: ServiceInfo): boolean {
  if (protocol !== "dubbo") return true;
  const names = serializationNames(params);
  return names.length === 0 || names.includes("hessian2");
}

function serializationNames(params: Readonly<Record<string, string>>): readonly string[] {
  return [params["prefer.serialization"], params["serialization"]]
    .flatMap((text) => (text ?? "").split(","))
    .map((name) => name.trim())
    .filter((name) => name !== "");
}

function serializationsOf(targets: readonly Target[]): string {
  return [...new Set(targets.flatMap(({ info }) => serializationNames(info.params)))].join(", ");
}
