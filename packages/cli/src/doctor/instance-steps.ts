import type { ServiceInstance } from "@dubbo-ts/core";
import { unusableReason } from "@dubbo-ts/discovery";
import { revisionsOf, shortRevision, stateOf } from "../state-of.js";
import { count, someOf } from "../text.js";
import { lookElsewhere } from "./other-places.js";
import type { Examined, Known, Step, StepContext } from "./step.js";

/** Which instances do the applications have? */
export const instancesStep: Step = {
  name: "instances",
  ifThrown: "registry-down",
  async examine(known, context) {
    const { registry } = await context.registry();
    const { applications } = known;
    const sets = await context.within((signal) =>
      Promise.all(applications.map((application) => registry.get(application, signal))),
    );
    const instances = sets.flat();
    if (instances.length === 0) return noInstances(known, context);
    const counts = applications.map((application, index) => `${application} ${sets[index]?.length ?? 0}`);
    const state = sets.some((set) => set.length === 0) ? "warning" : "ok";
    const found = `${count(instances.length, "instance")}: ${someOf(counts)}`;
    return { state, found, learned: { instances } };
  },
};

async function noInstances({ applications, names }: Known, context: StepContext): Promise<Examined> {
  const elsewhere = await lookElsewhere(context, async ({ registry }, signal) => {
    const sets = await Promise.all(applications.map((application) => registry.get(application, signal)));
    return sets.flat().map(({ application, id }) => `${application} at ${id}`);
  });
  if (elsewhere !== undefined)
    return {
      state: "broken",
      found: `no instances here, but ${someOf(elsewhere.found)} in ${elsewhere.place}`,
      problem: "wrong-root",
      cure: `use ${elsewhere.place}, or let the providers register here`,
    };
  const others = names.filter((name) => !applications.includes(name));
  const known = others.length > 0 ? `; others are registered: ${someOf(others)}` : "";
  return {
    state: "broken",
    found: `${someOf(applications)}: no instances${known}`,
    problem: "no-instances",
  };
}

/** Do they take calls? Ill ones are used when there are no others, those that are switched off never. */
export const healthStep: Step = {
  name: "health",
  ifThrown: "registry-down",
  async examine({ instances }) {
    const enabled = instances.filter((instance) => instance.enabled);
    const well = enabled.filter((instance) => unusableReason(instance) === undefined);
    const others = instances
      .filter((instance) => unusableReason(instance) !== undefined)
      .map((instance) => `${instance.id} ${stateOf(instance)}`);
    if (enabled.length === 0)
      return { state: "broken", found: `all are switched off: ${someOf(others)}`, problem: "all-disabled" };
    const learned = { instances: well.length > 0 ? well : enabled };
    if (others.length === 0)
      return { state: "ok", found: `${well.length} of ${instances.length} usable`, learned };
    return {
      state: "warning",
      found: `${well.length} of ${instances.length} usable; ${someOf(others)}`,
      learned,
    };
  },
};

/** Do they carry a Dubbo revision? */
export const revisionStep: Step = {
  name: "revision",
  ifThrown: "not-dubbo",
  async examine({ instances }) {
    const dubbo = instances.filter(({ revision }) => revision !== undefined);
    const strangers = instances.filter(({ revision }) => revision === undefined);
    if (dubbo.length === 0)
      return {
        state: "broken",
        found: `none of ${count(instances.length, "instance")} has a Dubbo revision${originOf(strangers)}`,
        problem: "not-dubbo",
      };
    const revisions = revisionsOf(dubbo).map(
      (revision) => `${shortRevision(revision)} x${dubbo.filter((one) => one.revision === revision).length}`,
    );
    const found = `${count(revisions.length, "revision")}: ${someOf(revisions)}`;
    const learned = { instances: dubbo };
    if (strangers.length === 0) return { state: "ok", found, learned };
    const without = `${strangers.length} without${originOf(strangers)}`;
    return { state: "warning", found: `${found}; ${without}`, learned };
  },
};

/** Spring Cloud marks what it registers; others show by their keys what they are. */
function originOf(strangers: readonly ServiceInstance[]): string {
  const labels = strangers.flatMap((instance) => Object.entries(instance.labels));
  const isSpring = labels.some(
    ([key, value]) => key === "preserved.register.source" && value === "SPRING_CLOUD",
  );
  if (isSpring) return ", they are Spring Cloud's";
  const keys = [...new Set(labels.map(([key]) => key))];
  return keys.length > 0 ? `; they carry ${someOf(keys)}` : "";
}
