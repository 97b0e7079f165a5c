/** Where the command reads and writes: the process's own, or a test's. */
export interface CommandIo {
  /** A line of the result. */
  out(line: string): void;
  /** A line about what went wrong. */
  err(line: string): void;
  /** Aborts when the program shall end: on SIGTERM and SIGINT. */
  readonly signal: AbortSignal;
  /**
   * Shows what is being done, in place of what was shown before; an empty text takes it away. Left out where
   * nobody looks: when the errors go to no terminal.
   */
  readonly status?: ((text: string) => void) | undefined;
  /** True: `out` goes to a terminal, so that colours may be used. Default false. */
  readonly isTerminal?: boolean | undefined;
  /** `process.env`: `DUBBO_REGISTRY`, `NO_COLOR` and `TERM` are read. Default: empty. */
  readonly env?: Readonly<Record<string, string | undefined>> | undefined;
}

/** Does `work` while `text` is shown. */
export async function withStatus<T>({ status }: CommandIo, text: string, work: () => Promise<T>): Promise<T> {
  status?.(text);
  try {
    return await work();
  } finally {
    status?.("");
  }
}
