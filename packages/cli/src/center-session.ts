import type { CenterBackend } from "@dubbo-ts/application";
import type { ConfigCenter } from "@dubbo-ts/config";
import { abortable, deadline } from "@dubbo-ts/core";
import { UsageError } from "./exit-codes.js";
import type { RegistryOptions } from "./options.js";
import { lateError } from "./registry-session.js";
import type { CommandTools } from "./tools.js";

/** A config center that was opened for one command: every question has a deadline, and ends with the program. */
export class CenterSession implements AsyncDisposable {
  private constructor(
    readonly center: ConfigCenter,
    private readonly backend: CenterBackend,
    private readonly timeoutMs: number,
    private readonly tools: CommandTools,
    private readonly signal: AbortSignal,
  ) {}

  /** @throws {ConfigError} ADDRESS_INVALID, UNKNOWN_REGISTRY. @throws {UsageError} it keeps no settings. */
  static async open(
    { registry, timeout }: Pick<RegistryOptions, "registry" | "timeout">,
    tools: CommandTools,
    signal: AbortSignal,
  ): Promise<CenterSession> {
    const backend = await tools.openCenter(registry);
    if (backend.configCenter !== undefined)
      return new CenterSession(backend.configCenter, backend, timeout, tools, signal);
    await backend[Symbol.asyncDispose]();
    throw new UsageError("what --registry names keeps no settings");
  }

  /** @throws {RegistryError} REGISTRY_UNAVAILABLE: no answer in time; and what the config center throws. */
  async ask<T>(question: (center: ConfigCenter, signal: AbortSignal) => Promise<T>): Promise<T> {
    const late = () => lateError(this.center.name, this.timeoutMs, this.center.failure);
    using limit = deadline(this.tools.runtime.clock, this.timeoutMs, late, this.signal);
    return await abortable(question(this.center, limit.signal), limit.signal);
  }

  [Symbol.asyncDispose](): PromiseLike<void> {
    return this.backend[Symbol.asyncDispose]();
  }
}
