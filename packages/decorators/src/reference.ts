import "reflect-metadata";
import type { Application, ReferenceOptions } from "@dubbo-ts/application";
import type { Client, ServiceDefinition } from "@dubbo-ts/rpc";
import { inject, injectable } from "inversify";

/** The references that a container has made for one application. */
export class References {
  readonly #opening: Promise<unknown>[] = [];

  constructor(private readonly application: Application) {}

  /** A client that can be used at once: calls made before its first provider is known wait for it. */
  open<D extends ServiceDefinition>(definition: D, options: ReferenceOptions): Client<D> {
    const ready = this.application.refer(definition, options);
    ready.catch(() => {}); // told by opened(), and to every call
    this.#opening.push(ready);
    const client: Record<string, unknown> = {};
    for (const [name, { kind }] of Object.entries(definition.methods))
      client[name] = kind.endsWith("Stream") && kind !== "clientStream" ? streamed(ready, name) : called(ready, name);
    return client as Client<D>;
  }

  /** Resolves when every reference so far has its provider; rejects with the first that has none, where it checks. */
  async opened(): Promise<void> {
    await Promise.all(this.#opening);
  }
}

type Methods = Record<string, (...args: unknown[]) => unknown>;

function called(ready: Promise<unknown>, name: string) {
  return async (...args: unknown[]) => ((await ready) as Methods)[name]?.(...args);
}

function streamed(ready: Promise<unknown>, name: string) {
  return async function* (...args: unknown[]) {
    yield* ((await ready) as Methods)[name]?.(...args) as AsyncIterable<unknown>;
  };
}

/**
 * Injects a typed client of `definition`, as a constructor's parameter or as a property. The container must know
 * the application: see `dubboModule`.
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
