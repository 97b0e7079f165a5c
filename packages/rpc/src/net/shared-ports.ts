import type { ListenOptions } from "../protocol.js";

/** A port that is listened on. */
export interface OpenPort extends AsyncDisposable {
  readonly port: number;
}

interface Shared<P> {
  readonly host: string | undefined;
  readonly ownMachine: boolean;
  readonly wantedPort: number;
  readonly opening: Promise<P>;
  openPort: number | undefined;
  users: number;
}

/** Settings of {@link SharedPorts}. */
export interface SharedPortsOptions {
  /** Whether those who ask for a free port share one. Default true. */
  readonly sharesFree?: boolean;
}

/** Ports that have several users: opened for the first, shared by those after it, closed behind the last one. */
export class SharedPorts<P extends OpenPort, L extends ListenOptions = ListenOptions>
  implements AsyncDisposable
{
  readonly #ports = new Set<Shared<P>>();
  readonly #sharesFree: boolean;

  constructor(
    private readonly open: (listen: L) => Promise<P>,
    { sharesFree = true }: SharedPortsOptions = {},
  ) {
    this.#sharesFree = sharesFree;
  }

  /**
   * Uses the port that `listen` names, which is opened if nobody does. What it resolves with gives the share back,
   * and closes the port behind the last one. `enter` runs while the share is held; when it throws, it is given back.
   * @throws what opening the port throws, and `enter`.
   */
  async use<T>(
    listen: L,
    enter: (port: P) => T,
  ): Promise<{ port: P; entered: T; leave: () => Promise<void> }> {
    const shared = this.#portOf(listen);
    shared.users += 1;
    const port = await shared.opening;
    try {
      return { port, entered: enter(port), leave: () => this.#leave(shared, port) };
    } catch (error) {
      await this.#leave(shared, port);
      throw error;
    }
  }

  /** Does something with every port, those that are being opened included. */
  forEach(work: (port: P) => void): void {
    for (const { opening } of this.#ports) {
      opening.then(work, () => {}); // was not opened: told where it was asked for
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const opened = await Promise.allSettled([...this.#ports].map(({ opening }) => opening));
    this.#ports.clear();
    const ports = opened.flatMap((result) => (result.status === "fulfilled" ? [result.value] : []));
    await Promise.all(ports.map((port) => port[Symbol.asyncDispose]()));
  }

  #portOf(listen: L): Shared<P> {
    const { port, ownMachine = false } = listen;
    const host = isAnyHost(listen.host) ? undefined : listen.host;
    const mayShare = port !== 0 || this.#sharesFree;
    for (const shared of this.#ports) {
      const same = (mayShare && shared.wantedPort === port) || shared.openPort === port;
      if (same && shared.host === host && shared.ownMachine === ownMachine) return shared;
    }
    const opening = this.open(listen);
    const shared: Shared<P> = {
      host,
      ownMachine,
      wantedPort: port,
      opening,
      openPort: undefined,
      users: 0,
    };
    this.#ports.add(shared);
    opening.then(
      (open) => {
        shared.openPort = open.port;
      },
      () => this.#ports.delete(shared),
    );
    return shared;
  }

  async #leave(shared: Shared<P>, port: P): Promise<void> {
    shared.users -= 1;
    if (shared.users > 0 || !this.#ports.delete(shared)) return;
    await port[Symbol.asyncDispose]();
  }
}

/** All interfaces of the machine, however that is said. */
function isAnyHost(host: string | undefined): boolean {
  return host === undefined || host === "0.0.0.0" || host === "::";
}
