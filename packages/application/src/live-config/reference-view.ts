import type { ConsumerConfig, OverrideRule } from "@dubbo-ts/config";
import type { Logger, ServiceKey } from "@dubbo-ts/core";
import { type ConsumerOverride, consumerOverride } from "./consumer-override.js";
import type { LiveConfig, LiveState } from "./live-config.js";

/** What an open reference is told at one moment. Another object after each change. */
export interface LiveSettings {
  readonly consumer: ConsumerConfig;
  /** What rules of operators change. */
  readonly override: ConsumerOverride;
}

/** The settings of one reference as they are now; made anew once after each change, so that calls only look. */
export function referenceView(
  live: LiveConfig,
  service: ServiceKey,
  host: string,
  log: Logger,
): () => LiveSettings {
  let state: LiveState | undefined;
  let settings: LiveSettings | undefined;
  let before: readonly OverrideRule[] = [];
  return () => {
    const now = live.state;
    if (settings === undefined || state !== now) {
      state = now;
      const { consumer, application } = now.config;
      const target = { application: application.name, host, service };
      const rules = live.rulesFor(service);
      // What does not change the rules leaves the providers as they are.
      const same = settings !== undefined && isSame(rules, before);
      const override = same ? (settings as LiveSettings).override : consumerOverride(rules, target);
      if (!same && override.unused.length > 0)
        log.warn({ service: service.text, keys: override.unused }, unused);
      before = rules;
      settings = { consumer, override };
    }
    return settings;
  };
}

const unused = "rules for single providers that have an effect for all of them only: left out";

function isSame(a: readonly OverrideRule[], b: readonly OverrideRule[]): boolean {
  return a.length === b.length && a.every((rule, index) => rule === b[index]);
}
