import type { ConsumerConfig } from "@dubbo-ts/config";
import type { ServiceKey } from "@dubbo-ts/core";
import { type ConsumerOverride, consumerOverride } from "./consumer-override.js";
import type { LiveConfig, LiveState } from "./live-config.js";

/** What an open reference is told at one moment. Another object after each change. */
export interface LiveSettings {
  readonly consumer: ConsumerConfig;
  /** What rules of operators change. */
  readonly override: ConsumerOverride;
}

/** The settings of one reference as they are now; made anew once after each change, so that calls only look. */
export function referenceView(live: LiveConfig, service: ServiceKey, host: string): () => LiveSettings {
  let state: LiveState | undefined;
  let settings: LiveSettings | undefined;
  return () => {
    const now = live.state;
    if (settings === undefined || state !== now) {
      state = now;
      const { consumer, application } = now.config;
      const target = { application: application.name, host, service };
      settings = { consumer, override: consumerOverride(live.rulesFor(service), target) };
    }
    return settings;
  };
}
