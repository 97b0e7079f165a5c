import type { ErrorCode } from "@dubbo-ts/core";
import { CommanderError } from "commander";

/** What the command exits with. */
export const exitCodes = {
  ok: 0,
  /** Something did not work: a registry that is away, a call that failed. */
  failed: 1,
  /** Wrong use: an unknown option, JSON that is none, an address that cannot be read. */
  usage: 2,
  /** It worked, but there is no such application, interface, revision or provider. */
  notFound: 3,
  /** The call worked, and the method threw. */
  remoteException: 4,
} as const;

/** One of {@link exitCodes}. */
export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes];

/** Wrong use that the parser of the command line does not notice. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

/** What was asked for is not there. */
export class NotFoundError extends Error {
  override readonly name = "NotFoundError";
}

const byCode: Partial<Record<ErrorCode, ExitCode>> = {
  ADDRESS_INVALID: exitCodes.usage,
  UNKNOWN_REGISTRY: exitCodes.usage,
  UNKNOWN_PROTOCOL: exitCodes.usage,
  CONFIG_INVALID: exitCodes.usage,
  DEFINITION_INVALID: exitCodes.usage,
  INVALID_ARGUMENT: exitCodes.usage,
  NO_PROVIDER: exitCodes.notFound,
  PROVIDERS_PENDING: exitCodes.notFound,
  REMOTE_EXCEPTION: exitCodes.remoteException,
};

/** What the command exits with after `error`. */
export function exitCodeOf(error: unknown): ExitCode {
  if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.ok : exitCodes.usage;
  if (error instanceof UsageError) return exitCodes.usage;
  if (error instanceof NotFoundError) return exitCodes.notFound;
  const { code } = (error ?? {}) as { code?: ErrorCode };
  return (code !== undefined && byCode[code]) || exitCodes.failed;
}
