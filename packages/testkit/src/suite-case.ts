import { randomUUID } from "node:crypto";
import { setMaxListeners } from "node:events";
import { DisposalScope } from "@dubbo-ts/core";
import type { Harness } from "./faults.js";
import { type Followed, follow } from "./follow.js";
import { noLeaks } from "./no-leaks.js";

/** One test's server, clients and readers: everything is closed when it ends, also when it fails. */
export class SuiteCase<Adapter extends AsyncDisposable> implements AsyncDisposable {
  readonly #scope = new DisposalScope();
  readonly #controller = new AbortController();

  private constructor(
    readonly harness: Harness<Adapter>,
    private readonly checkLeaks: () => Promise<void>,
  ) {
    this.#scope.use(harness);
    setMaxListeners(0, this.#controller.signal); // a test registers and follows a lot
  }

  static async open<A extends AsyncDisposable>(factory: () => Promise<Harness<A>>): Promise<SuiteCase<A>> {
    // A harness may keep servers and processes for the next test; what clients open must be closed.
    const checkLeaks = noLeaks({ only: ["TCPSocketWrap", "Timeout"] });
    return new SuiteCase(await factory(), checkLeaks);
  }

  /** Aborts when the test ends. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** A further client of the server. */
  async client(): Promise<Adapter> {
    return this.#scope.use(await this.harness.open());
  }

  /** A further client, which black holes do not reach. */
  async beside(): Promise<Adapter> {
    const client = await this.harness.openBeside?.();
    if (client === undefined)
      throw new Error('the harness has no openBeside: implement it, or say lacks: ["blackhole"]');
    return this.#scope.use(client);
  }

  /** Reads a stream until the test ends. */
  follow<T>(stream: AsyncIterable<T>): Followed<T> {
    return follow(stream);
  }

  /** A name that no other test and no other run uses. */
  name(prefix: string): string {
    return `${prefix}-${process.pid}-${randomUUID().slice(0, 12)}`;
  }

  /** @throws {Error} when a socket or a timer stays open. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#controller.abort(new Error("the test has ended"));
    await this.#scope[Symbol.asyncDispose]();
    await this.checkLeaks();
  }
}
