import { isDeepStrictEqual } from "node:util";
import { changedSpan, InstanceParts, type Logger, type ServiceInstance } from "@dubbo-ts/core";
import {
  isZooKeeperError,
  KnownStrings,
  type Pass,
  readChildren,
  type Watcher,
  type ZooKeeperClient,
} from "@dubbo-ts/zookeeper-client";
import { decodeInstanceJson } from "./instance-json.js";

/** A node as it was read last. */
interface Known {
  /** A server that lags behind may show what was before: within one session nothing older is taken. */
  readonly session: bigint;
  readonly mzxid: bigint;
  /** Undefined: it cannot be read. */
  readonly instance: ServiceInstance | undefined;
}

/** In so many routine looks each node is read once. */
const resyncTurns = 10;

/** After more changes than this the instances are gathered anew. */
const maxPatched = 16;

/** How nodes are read. */
interface Reading {
  readonly signal: AbortSignal;
  readonly watcher?: Watcher;
}

/**
 * Reads the nodes below an application's, again and again; what did not change gives the same object. A change costs
 * one read, and where nodes came or went one of their names. A routine look reads the names and a tenth of the nodes:
 * within a session no watch gets lost, and all nodes each minute would be the most that a large consumer has to do.
 */
export class InstanceReader {
  /** By the node's name; those that came later stand behind. */
  readonly #known = new Map<string, Known>();
  /** Its keys as they were listed last. */
  #names: readonly string[] = [];
  readonly #listed = new KnownStrings();
  readonly #parts = new InstanceParts();
  #last: readonly ServiceInstance[] = [];
  #turn = 0;

  constructor(
    private readonly client: ZooKeeperClient,
    private readonly application: string,
    private readonly path: string,
    private readonly log: Logger,
  ) {}

  /** The same array as before when nothing changed. Children that cannot be read are left out one by one. */
  async follow(pass: Pass): Promise<readonly ServiceInstance[]> {
    const { full, resync, changed } = pass;
    const touched = [...changed].map((path) => path.slice(this.path.length + 1));
    if (!full && !resync && !changed.has(this.path)) {
      const names = touched.filter((name) => this.#known.has(name));
      return this.#take(await this.#readAll(names, pass), [], this.#names);
    }
    const names = (await readChildren(this.client, this.path, pass, this.#listed))?.names ?? [];
    if (full) return this.read(names, pass);
    const { come, gone } = this.#compare(names);
    const still = new Set(touched.filter((name) => this.#known.has(name)));
    if (resync) for (const name of this.#nextTurn()) still.add(name);
    for (const name of gone) still.delete(name);
    return this.#take(await this.#readAll([...come, ...still], pass), gone, names);
  }

  /** All of `names`, whatever is known. */
  async read(names: readonly string[], reading: Reading): Promise<readonly ServiceInstance[]> {
    const { gone } = this.#compare(names);
    return this.#take(await this.#readAll(names, reading), gone, names);
  }

  #nextTurn(): readonly string[] {
    this.#turn = (this.#turn + 1) % resyncTurns;
    return [...this.#known.keys()].filter((_, at) => at % resyncTurns === this.#turn);
  }

  /** What is different from the names that are known. */
  #compare(names: readonly string[]): { come: readonly string[]; gone: readonly string[] } {
    const { from, beforeEnd, afterEnd } = changedSpan(this.#names, names);
    const there = new Set(names.slice(from, afterEnd));
    return {
      come: [...there].filter((name) => !this.#known.has(name)),
      gone: this.#names.slice(from, beforeEnd).filter((name) => !there.has(name)),
    };
  }

  #readAll(names: readonly string[], reading: Reading) {
    return Promise.all(
      [...names].sort().map(async (name) => [name, await this.#one(name, reading)] as const),
    );
  }

  #take(
    read: readonly (readonly [string, Known | undefined])[],
    gone: readonly string[],
    names: readonly string[],
  ): readonly ServiceInstance[] {
    const isAllThere = read.every(([, known]) => known !== undefined);
    const patched = this.#patched([...gone.map((name) => [name, undefined] as const), ...read]);
    let isSame = true;
    for (const name of gone) isSame = this.#put(name, undefined) && isSame;
    for (const [name, known] of read) isSame = this.#put(name, known) && isSame;
    this.#names = isAllThere ? names : names.filter((name) => this.#known.has(name));
    if (!isSame) this.#last = patched ?? this.#instances();
    return this.#last;
  }

  #instances(): readonly ServiceInstance[] {
    const instances: ServiceInstance[] = [];
    for (const { instance } of this.#known.values()) if (instance !== undefined) instances.push(instance);
    return instances;
  }

  /** What {@link #instances} gives when `changes` are put, out of what it gave; undefined: they are too many. */
  #patched(
    changes: readonly (readonly [string, Known | undefined])[],
  ): readonly ServiceInstance[] | undefined {
    if (changes.length > maxPatched) return undefined;
    const instances = [...this.#last];
    for (const [name, next] of changes) {
      const before = this.#known.get(name);
      const come = next?.instance === undefined ? [] : [next.instance];
      if (before === undefined) instances.push(...come);
      else if (before.instance === undefined)
        return undefined; // its place is not known
      else instances.splice(instances.indexOf(before.instance), 1, ...come);
    }
    return instances;
  }

  /** True when the instance there is the same object as before. */
  #put(name: string, next: Known | undefined): boolean {
    const before = this.#known.get(name);
    if (next === undefined) this.#known.delete(name);
    else this.#known.set(name, next);
    return before?.instance === next?.instance;
  }

  /** Undefined: it is gone by now. */
  async #one(name: string, reading: Reading): Promise<Known | undefined> {
    const path = `${this.path}/${name}`;
    try {
      const { data, stat } = await this.client.getData(path, reading);
      const known = this.#known.get(name);
      const { sessionId } = this.client;
      if (known?.session === sessionId && stat.mzxid <= known.mzxid) return known;
      const instance = this.#decode(path, data);
      return {
        session: sessionId,
        mzxid: stat.mzxid,
        instance: isDeepStrictEqual(instance, known?.instance) ? known?.instance : instance,
      };
    } catch (error) {
      if (isZooKeeperError(error, "NO_NODE")) return undefined;
      throw error;
    }
  }

  #decode(path: string, data: Buffer): ServiceInstance | undefined {
    try {
      return decodeInstanceJson(this.application, data, this.#parts);
    } catch (err) {
      this.log.warn({ err, path }, "an instance that cannot be read is left out");
      return undefined;
    }
  }
}
