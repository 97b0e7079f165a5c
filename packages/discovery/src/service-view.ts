import type { Latest, Resolution } from "@dubbo-ts/core";
import type { ApplicationView } from "./application-view.js";
import type { EndpointLists } from "./endpoint-lists.js";
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
}

/** The Resolution of one service, for all who watch it. */
export class ServiceView {
  readonly #applications = new Map<string, ApplicationView>();
  readonly #readers = new Set<Latest<Resolution>>();
  #resolution: Resolution | undefined;

  constructor(private readonly options: ServiceViewOptions) {}

  get applications(): ReadonlyMap<string, ApplicationView> {
    return this.#applications;
  }

  get isWatched(): boolean {
    return this.#readers.size > 0;
  }

  /** Gives `reader` the present Resolution, if there is one, and each later one. */
  add(reader: Latest<Resolution>): void {
    this.#readers.add(reader);
    if (this.#resolution !== undefined) reader.set(this.#resolution);
  }

  delete(reader: Latest<Resolution>): void {
    this.#readers.delete(reader);
  }

  /** Ends all watches. */
  end(): void {
    for (const reader of this.#readers) reader.end();
  }

  /** Looks at the mapping and the applications again, and tells the readers what has changed. */
  refresh(): void {
    const { query, providedBy, mapping, openApplication, lists } = this.options;
    for (const application of [...providedBy, ...mapping.applications])
      if (!this.#applications.has(application))
        this.#applications.set(application, openApplication(application));
    const views = [...this.#applications.values()];
    const heard = mapping.heard || providedBy.length > 0;
    const next = joinRevisions(query, { heard }, views, lists);
    const isReady = mapping.ready && views.every(({ ready }) => ready);
    // While the disk cache is being read, "nothing is known" would be said too early.
    if (next.state === "pending" && !isReady) return;
    const areEqual: typeof lists.areEqual = (a, b) => lists.areEqual(a, b);
    if (this.#resolution !== undefined && sameResolution(this.#resolution, next, areEqual)) return;
    this.#resolution = next;
    for (const reader of this.#readers) reader.set(next);
  }
}
