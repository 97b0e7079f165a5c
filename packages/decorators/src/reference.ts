import "reflect-metadata";
import type { Application, ReferenceOptions } from "@dubbo-ts/application";
import type { Client, ServiceDefinition } from "@dubbo-ts/rpc";
import { inject, injectable } from "inversify";

type Methods = Record<string, (...args: unknown[]) => unknown>;

/** A client that opens when it is made, and again with a later call when that failed. */
class LazyClient {
  readonly client: Methods = {};
  #opening: Promise<Methods> | undefined;

  constructor(
    definition: ServiceDefinition,
    private readonly refer: () => Promise<object>,
  ) {
    for (const [name, { kind }] of Object.entries(definition.methods))
      this.client[name] =
        kind === "serverStream" || kind === "bidiStream" ? this.#streamed(name) : this.#called(name);
  }

  ready(): Promise<Methods> {
    this.#opening ??= this.#open();
    return this.#opening;
  }

  async #open(): Promise<Methods> {
    try {
      const client = await this.refer();
      // From here on calls take no detour, and `echo` knows it for a client.
      return Object.defineProperties(this.client, Object.getOwnPropertyDescriptors(client)) as Methods;
    } catch (error) {
      this.#opening = undefined;
      throw error;
    }
  }

  #called(name: string) {
    return async (...args: unknown[]) => (await this.ready())[name]?.(...args);
  }

  #streamed(name: string) {
    const ready = () => this.ready();
    return async function* (...args: unknown[]) {
      yield* (await ready())[name]?.(...args) as AsyncIterable<unknown>;
    };
  }
}

/** The references that a container has made for one application. */
export class References {
  #opening: Promise<unknown>[] = [];

  constructor(private readonly application: Application) {}

  /** A client that can be used at once: calls made before its first provider is known wait for it. */
  open<D extends ServiceDefinition>(definition: D, options: ReferenceOptions): Client<D> {
    const lazy = new LazyClient(definition, () => this.application.refer(definition, options));
    const opening = lazy.ready();
    opening.catch(() => {}); // told by opened(), and to every call
    this.#opening.push(opening);
    return lazy.client as Client<D>;
  }

  /** Resolves when every reference so far has its provider; rejects with the first that has none, where it checks. */
  async opened(): Promise<void> {
    const opening = this.#opening;
    this.#opening = [];
    await Promise.all(opening);
  }
}

/**
 * Injects a typed client of `definition`, as a constructor's parameter or as a property. The container must know
 * the application (see `dubboModule`) and make classes by itself: `new Container({ autobind: true })`, or
 * `container.get(Class, { autobind: true })`.
 */
export function Reference<D extends ServiceDefinition>(
  definition: D,
  options: ReferenceOptions = {},
): ParameterDecorator & PropertyDecorator {
  @injectable("Singleton")
  class ReferenceToken {
    constructor(@inject(References) references: References) {
      // The container hands out what a constructor returns: here the client, not this object.
      // biome-ignore lint/correctness/noConstructorReturn: that is how one token stands for one client
      return references.open(definition, options) as unknown as ReferenceToken;
    }
  }
  return inject(ReferenceToken) as ParameterDecorator & PropertyDecorator;
}
