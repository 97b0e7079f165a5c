import "reflect-metadata";
import type { Filter } from "@dubbo-ts/rpc";

const recordKey = Symbol.for("dubbo-ts:filters");

/**
 * Runs `filters` around the calls of a class with `@Service`, or of one of its methods: the first is the outermost,
 * the class's run outside the method's, and both inside those of the application and of `@Service`'s options.
 */
export function UseFilters(...filters: readonly Filter[]): ClassDecorator & MethodDecorator {
  return (target: object, method?: string | symbol): void => {
    const decorated = typeof target === "function" ? target : target.constructor;
    const own = method === undefined ? filters : filters.map((filter) => onlyFor(String(method), filter));
    const before = recorded(decorated);
    // Decorators of methods run before the class's own, which has to come first.
    const all = method === undefined ? [...own, ...before] : [...before, ...own];
    Reflect.defineMetadata(recordKey, all, decorated);
  };
}

/** What {@link UseFilters} recorded on a class, those of its methods included. */
export function decoratedFilters(target: object): readonly Filter[] {
  return recorded(target);
}

function recorded(target: object): readonly Filter[] {
  return (Reflect.getOwnMetadata(recordKey, target) as readonly Filter[] | undefined) ?? [];
}

function onlyFor(method: string, filter: Filter): Filter {
  return (next) => {
    const filtered = filter(next);
    return { invoke: (invocation) => (invocation.method === method ? filtered : next).invoke(invocation) };
  };
}
