import { z } from "zod";
import { readYaml } from "../read-yaml.js";
import { plain } from "./override-rule.js";

/** What a rule, or a part of it, says of the way from providers of interfaces to those of applications. */
export interface MigrationSettings {
  readonly step?: "force-interface" | "application-first" | "force-application" | undefined;
  /** Addresses of applications for each of the interface. Negative: not said. */
  readonly threshold?: number | undefined;
  /** 0 to 100 per cent of the calls. */
  readonly proportion?: number | undefined;
  readonly delayMs?: number | undefined;
  readonly force?: boolean | undefined;
}

/** What `{application}.migration` says (app-level discovery 9.2, `MigrationRule` of apache/dubbo). */
export interface MigrationRule extends MigrationSettings {
  /** By `interface` or `interface:version`. */
  readonly interfaces: ReadonlyMap<string, MigrationSettings>;
  /** By the name of the application that provides. */
  readonly applications: ReadonlyMap<string, MigrationSettings>;
}

/** A rule, or what is wrong with it. */
export type MigrationRead =
  | { readonly rule: MigrationRule; readonly problems?: undefined }
  | { readonly rule?: undefined; readonly problems: readonly string[] };

const steps = {
  forceinterface: "force-interface",
  applicationfirst: "application-first",
  forceapplication: "force-application",
} as const;

/** The step that `text` names, in Java's spelling, `FORCE_APPLICATION`, or ours; undefined: none. */
export function migrationStep(text: string): NonNullable<MigrationSettings["step"]> | undefined {
  const folded = text.replace(/[-_\s]/g, "").toLowerCase();
  return Object.hasOwn(steps, folded) ? steps[folded as keyof typeof steps] : undefined;
}

const step = z.string().transform((text, context) => {
  const found = migrationStep(text);
  if (found !== undefined) return found;
  const message = `is none of ${Object.values(steps).join(", ")}`;
  context.addIssue({ code: "custom", message });
  return z.NEVER;
});
const number = (least: number, most: number) =>
  z
    .string()
    .refine(
      (text) => /^-?\d{1,9}(?:\.\d{1,9})?$/.test(text) && Number(text) >= least && Number(text) <= most,
      {
        error: `is no number from ${least} to ${most}`,
      },
    )
    .transform(Number)
    .optional();
const settings = {
  step: step.optional(),
  threshold: number(-1, 1_000_000),
  proportion: number(0, 100),
  delay: number(0, 86_400),
  force: z
    .string()
    .refine((text) => /^(?:true|false)$/i.test(text), { error: "is neither true nor false" })
    .transform((text) => text.toLowerCase() === "true")
    .optional(),
};
const entry = z.object({ ...settings, serviceKey: z.string() });
const rule = z.object({
  ...settings,
  interfaces: z.array(entry).default([]),
  applications: z.array(entry).default([]),
});

/** Reads the YAML or JSON of a migration rule. One with a value that cannot be is wrong as a whole. */
export function readMigrationRule(source: string): MigrationRead {
  const { root, problems } = readYaml("rule", source);
  if (root === undefined || problems.length > 0)
    return { problems: problems.map(({ where, message }) => `line ${where.line ?? 1}: ${message}`) };
  const parsed = rule.safeParse(plain(root));
  if (!parsed.success)
    return {
      problems: parsed.error.issues.map(({ path, message }) => `${path.map(String).join(".")}: ${message}`),
    };
  const { interfaces, applications, ...top } = parsed.data;
  return { rule: { ...settingsOf(top), interfaces: byKey(interfaces), applications: byKey(applications) } };
}

function byKey(entries: readonly z.output<typeof entry>[]): ReadonlyMap<string, MigrationSettings> {
  return new Map(entries.map(({ serviceKey, ...one }) => [serviceKey, settingsOf(one)]));
}

/** Java has seconds. */
function settingsOf(parsed: Omit<z.output<typeof entry>, "serviceKey">): MigrationSettings {
  const { step: ofStep, threshold, proportion, delay, force } = parsed;
  return {
    step: ofStep,
    threshold,
    proportion,
    delayMs: delay === undefined ? undefined : delay * 1_000,
    force,
  };
}
