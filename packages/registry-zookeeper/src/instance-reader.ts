import type { Logger, ServiceInstance } from "@dubbo-ts/core";
import {
  type Children,
  Floor,
  isZooKeeperError,
  type NodeData,
  type Watcher,
  type ZooKeeperClient,
} from "@dubbo-ts/zookeeper-client";
import { decodeInstanceJson } from "./instance-json.js";

/** What a reading is about. */
export interface Reading {
  readonly signal: AbortSignal;
  readonly watcher?: Watcher;
  /** Children that changed since the last reading. */
  readonly changed: ReadonlySet<string>;
  /** Read all children, changed or not. */
  readonly full: boolean;
}

interface Known {
  readonly data: Buffer;
  readonly floor: Floor<NonNullable<NodeData>>;
  /** Undefined: it cannot be read. */
  readonly instance: ServiceInstance | undefined;
}

/** Reads the nodes below an application's, again and again; what did not change gives the same object. */
export class InstanceReader {
  #known = new Map<string, Known>();
  #last: readonly ServiceInstance[] = [];

  constructor(
    private readonly client: ZooKeeperClient,
    private readonly application: string,
    private readonly path: string,
    private readonly log: Logger,
  ) {}

  /** The same array as before when nothing changed. Children that cannot be read are left out one by one. */
  async read(children: Children, reading: Reading): Promise<readonly ServiceInstance[]> {
    const names = children?.names ?? [];
    const read = await Promise.all(
      names.map(async (name) => [name, await this.#one(name, reading)] as const),
    );
    const known = new Map<string, Known>();
    for (const [name, one] of read) if (one !== undefined) known.set(name, one);
    this.#known = known;
    const instances = [...known.values()].flatMap(({ instance }) => instance ?? []);
    const last = this.#last;
    if (instances.length !== last.length || instances.some((instance, at) => instance !== last[at]))
      this.#last = instances;
    return this.#last;
  }

  /** Undefined: it is gone by now. */
  async #one(name: string, { full, changed, ...options }: Reading): Promise<Known | undefined> {
    const path = `${this.path}/${name}`;
    const known = this.#known.get(name);
    if (known !== undefined && !full && !changed.has(path)) return known;
    const floor = known?.floor ?? new Floor<NonNullable<NodeData>>(this.client);
    try {
      const node = floor.keep(await this.client.getData(path, options), ({ stat }) => stat.mzxid);
      if (node === undefined) return undefined;
      if (known?.data.equals(node.data)) return known;
      // A copy: the client's buffer is a part of a frame.
      const data = Buffer.from(node.data);
      return { data, floor, instance: this.#decode(path, data) };
    } catch (error) {
      if (isZooKeeperError(error, "NO_NODE")) return undefined;
      throw error;
    }
  }

  #decode(path: string, data: Buffer): ServiceInstance | undefined {
    try {
      return decodeInstanceJson(this.application, data);
    } catch (err) {
      this.log.warn({ err, path }, "an instance that cannot be read is left out");
      return undefined;
    }
  }
}
