import { DisposalScope } from "@dubbo-ts/core";
import type { Harness } from "./faults.js";
import { type Followed, follow } from "./follow.js";

let names = 0;

/** One test's server, clients and readers: everything is closed when it ends, also when it fails. */
export class SuiteCase<Adapter extends AsyncDisposable> implements AsyncDisposable {
  readonly #scope = new DisposalScope();
  readonly #controller = new AbortController();

  private constructor(readonly harness: Harness<Adapter>) {
    this.#scope.use(harness);
  }

  static async open<A extends AsyncDisposable>(factory: () => Promise<Harness<A>>): Promise<SuiteCase<A>> {
    return new SuiteCase(await factory());
  }

  /** Aborts when the test ends. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** A further client of the server. */
  async client(): Promise<Adapter> {
    return this.#scope.use(await this.harness.open());
  }

  /** Reads a stream until the test ends. */
  follow<T>(stream: AsyncIterable<T>): Followed<T> {
    return follow(stream);
  }

  /** A name that no other test and no other run uses. */
  name(prefix: string): string {
    return `${prefix}-${process.pid}-${Date.now().toString(36)}-${++names}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#controller.abort(new Error("the test has ended"));
    await this.#scope[Symbol.asyncDispose]();
  }
}
