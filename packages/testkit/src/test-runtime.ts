import { type Clock, type Logger, type Runtime, systemNetwork } from "@dubbo-ts/core";
import { type FakeClock, fakeClock } from "./fake-clock.js";
import { seededRandom } from "./seeded-random.js";

/** One line of a {@link recordingLogger}. */
export interface LogEntry {
  readonly level: "debug" | "info" | "warn" | "error";
  readonly fields: object;
  readonly message: string;
}

/** A logger that keeps what it is told. */
export function recordingLogger(): Logger & { readonly entries: readonly LogEntry[] } {
  const entries: LogEntry[] = [];
  const at = (level: LogEntry["level"]) => (fields: object, message: string) =>
    void entries.push({ level, fields, message });
  return { entries, debug: at("debug"), info: at("info"), warn: at("warn"), error: at("error") };
}

/** A {@link Runtime} that does the same in every run. */
export interface TestRuntime<C extends Clock = FakeClock> extends Runtime {
  readonly clock: C;
  readonly log: ReturnType<typeof recordingLogger>;
}

/** A runtime with a {@link fakeClock}, seeded randomness, real sockets and a {@link recordingLogger}. */
export function testRuntime({ seed = 1 }: { seed?: number } = {}): TestRuntime {
  return { clock: fakeClock(), random: seededRandom(seed), network: systemNetwork, log: recordingLogger() };
}
