import type { RegistryBackend } from "@dubbo-ts/application";
import type { TlsConfig } from "@dubbo-ts/config";
import type { Endpoint, ErrorCode, ServiceInfo, ServiceInstance, ServiceKey } from "@dubbo-ts/core";
import type { RevisionMetadata } from "../revision-metadata.js";
import type { CommandTools, Dialer } from "../tools.js";
import type { Problem } from "./problems.js";

/** What is to be examined. */
export interface Question {
  /** Version and group may be `*` or lists, as a consumer's. */
  readonly service: ServiceKey;
  /** Named by hand, as `provided-by` does. */
  readonly applications: readonly string[];
  /** Empty: all that this program speaks. */
  readonly protocols: readonly string[];
  /** The registry's URL. */
  readonly registry: string;
  /** Where mapping and metadata are, when that is not the registry. */
  readonly metadataReport?: string | undefined;
  /** How long one answer may take. */
  readonly timeoutMs: number;
  /** How providers are called; undefined: without TLS. */
  readonly tls?: TlsConfig | undefined;
}

/** A service that fits the question, at one endpoint. */
export interface Target {
  readonly endpoint: Endpoint;
  readonly info: ServiceInfo;
}

/** What the steps so far have learnt. */
export interface Known {
  /** All applications of the registry. */
  readonly names: readonly string[];
  /** Those that the mapping has for the interface. */
  readonly mapped: readonly string[];
  /** Those that are asked. */
  readonly applications: readonly string[];
  readonly instances: readonly ServiceInstance[];
  readonly revisions: readonly RevisionMetadata[];
  readonly targets: readonly Target[];
}

/** Before the first step. */
export const nothingKnown: Known = {
  names: [],
  mapped: [],
  applications: [],
  instances: [],
  revisions: [],
  targets: [],
};

/** What a step may use. */
export interface StepContext {
  readonly question: Question;
  readonly tools: CommandTools;
  readonly dialer: Dialer;
  /** The registry, opened when it is first asked for. */
  registry(): Promise<RegistryBackend>;
  /** Aborts when the program shall end. */
  readonly signal: AbortSignal;
  /** Runs `work` with the deadline of one answer. */
  within<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T>;
}

/** What a step found. */
export type Examined =
  | {
      /** `warning`: calls can work, but something deserves a look. */
      readonly state: "ok" | "warning";
      readonly found: string;
      readonly learned?: Partial<Known>;
    }
  | {
      readonly state: "broken";
      readonly found: string;
      readonly problem: Problem;
      /** Default: that of the problem. */
      readonly code?: ErrorCode | undefined;
      /** What to do, where more is known than the problem's own advice. */
      readonly cure?: string | undefined;
    };

/** One step on the consumer's way. What it learns is added to what is known; what it throws is `ifThrown`. */
export interface Step {
  readonly name: string;
  readonly ifThrown: Problem;
  examine(known: Known, context: StepContext): Promise<Examined>;
}

/** One finding of the doctor, for people and for programs. */
export interface Finding {
  readonly step: string;
  readonly state: "ok" | "warning" | "broken";
  readonly found: string;
  readonly ms: number;
  readonly problem?: Problem;
  readonly code?: ErrorCode;
  readonly cure?: string;
}
