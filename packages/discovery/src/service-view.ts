import type { Logger, Resolution } from "@dubbo-ts/core";
import type { ApplicationView } from "./application-view.js";
import type { EndpointLists } from "./endpoint-lists.js";
import { type OnResolution, tell } from "./following.js";
import { joinRevisions } from "./join-revisions.js";
import type { MappingView } from "./mapping-view.js";
import type { ServiceQuery } from "./match-service.js";
import { sameResolution } from "./same-resolution.js";

/** What a {@link ServiceView} needs. */
export interface ServiceViewOptions {
  readonly query: ServiceQuery;
  /** Applications that are named beforehand. */
  readonly providedBy: readonly string[];
  readonly mapping: MappingView;
  /** Opens the view of an application; it is given back when this view ends. */
  readonly openApplication: (application: string) => ApplicationView;
  readonly lists: EndpointLists;
  readonly log: Logger;
}

/** Somebody who follows the service. */
interface Reader {
  readonly onResolution: OnResolution;
  /** What it was told last. */
  told: Resolution | undefined;
}

/** The Resolution of one service, for all who follow it. */
export class ServiceView {
  readonly #applications = new Map<string, ApplicationView>();
  #views: readonly ApplicationView[] = [];
  readonly #readers = new Set<Reader>();
  #resolution: Resolution | undefined;

  constructor(private readonly options: ServiceViewOptions) {}

  get applications(): ReadonlyMap<string, ApplicationView> {
    return this.#applications;
  }

  get isWatched(): boolean {
    return this.#readers.size > 0;
  }

  /** Its reader is told with the next {@link refresh}, then of each change, until it is deleted. */
  add(onResolution: OnResolution): Reader {
    const reader = { onResolution, told: undefined };
    this.#readers.add(reader);
    return reader;
  }

  /** False: it was deleted before. */
  delete(reader: Reader): boolean {
    return this.#readers.delete(reader);
  }

  /** Looks at the mapping and the applications again, and tells the readers what has changed. */
  refresh(): void {
    const { query, providedBy, mapping, lists } = this.options;
    for (const application of providedBy) this.#open(application);
    for (const application of mapping.applications) this.#open(application);
    const heard = mapping.heard || providedBy.length > 0;
    const next = joinRevisions(query, { heard }, this.#views, lists);
    // While the disk cache is being read, "nothing is known" would be said too early.
    if (next.state === "pending" && !(mapping.ready && this.#views.every(({ ready }) => ready))) return;
    if (this.#resolution === undefined || !sameResolution(this.#resolution, next, lists))
      this.#resolution = next;
    this.#tell(this.#resolution);
  }

  #open(application: string): void {
    if (this.#applications.has(application)) return;
    this.#applications.set(application, this.options.openApplication(application));
    this.#views = [...this.#applications.values()];
  }

  #tell(resolution: Resolution): void {
    const { query, log } = this.options;
    for (const reader of this.#readers) {
      if (reader.told === resolution) continue;
      reader.told = resolution;
      tell(reader.onResolution, resolution, query.service, log);
    }
  }
}
