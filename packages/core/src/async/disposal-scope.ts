/**
 * Closes what was opened in it, newest first, each once, also when one of them fails. `AsyncDisposableStack`
 * with the same names will take its place when the oldest Node that we support has it.
 */
export class DisposalScope implements AsyncDisposable {
  #closers: (() => PromiseLike<void> | void)[] = [];
  #closing: Promise<void> | undefined;

  /** Remembers `resource` for closing, and gives it back. */
  use<T extends AsyncDisposable | Disposable>(resource: T): T {
    this.defer(() =>
      Symbol.asyncDispose in resource ? resource[Symbol.asyncDispose]() : resource[Symbol.dispose](),
    );
    return resource;
  }

  /** Runs `close` when the scope ends. */
  defer(close: () => PromiseLike<void> | void): void {
    this.#closers.push(close);
  }

  /** Hands everything to a new scope: what a start that succeeded does at its end. */
  move(): DisposalScope {
    const next = new DisposalScope();
    next.#closers = this.#closers;
    this.#closers = [];
    return next;
  }

  /** @throws {AggregateError} after everything was closed, when closing failed. */
  [Symbol.asyncDispose](): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    const errors: unknown[] = [];
    for (let close = this.#closers.pop(); close !== undefined; close = this.#closers.pop()) {
      try {
        await close();
      } catch (error) {
        errors.push(error);
      }
    }
    if (errors.length === 1) throw errors[0];
    if (errors.length > 1) throw new AggregateError(errors, `${errors.length} things could not be closed`);
  }
}
