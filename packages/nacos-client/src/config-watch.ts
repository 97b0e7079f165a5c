import type { Body } from "./body.js";
import type { NacosConfigValue } from "./config-key.js";
import type { Latest } from "./latest.js";
import type { Session } from "./session.js";

/** One listened configuration, whatever the number of readers: what is known of it, and by whom it is wanted. */
export class ConfigWatch {
  readonly #readers = new Set<Latest<string | undefined>>();
  #known: { readonly value: NacosConfigValue | undefined } | undefined;
  /** The session that was told to tell of changes. */
  listeningOn: Session | undefined;
  /** It changed, or may have: to be read as soon as `notBeforeMs`. */
  isDirty = false;
  failures = 0;
  notBeforeMs = 0;

  constructor(
    /** dataId, group and tenant, as requests hold them. */
    readonly key: Body,
    private readonly hasCurrentSession: (session: Session | undefined) => boolean,
    /** Something is to be done: a first reader came, or the last one left. */
    private readonly wake: () => void,
  ) {}

  get isWanted(): boolean {
    return this.#readers.size > 0;
  }

  /** As the server would compute it, `""`: nothing is known, or known to be there. */
  get md5(): string {
    return this.#known?.value?.md5 ?? "";
  }

  /** Whether it was read, or found absent. */
  get isKnown(): boolean {
    return this.#known !== undefined;
  }

  /** `reader` gets what is known while that is followed, then what changes. */
  add(reader: Latest<string | undefined>): void {
    this.#readers.add(reader);
    if (this.hasCurrentSession(this.listeningOn) && this.#known !== undefined && !this.isDirty)
      reader.set(this.#known.value?.content);
    if (this.#readers.size === 1) this.wake();
  }

  remove(reader: Latest<string | undefined>): void {
    this.#readers.delete(reader);
    if (this.#readers.size === 0) this.wake();
  }

  /** Readers hear of it when the content is another. */
  accept(value: NacosConfigValue | undefined): void {
    const isNews = this.#known === undefined || this.#known.value?.content !== value?.content;
    this.#known = { value };
    if (isNews) for (const reader of this.#readers) reader.set(value?.content);
  }

  /** Ends the readers' loops. */
  end(): void {
    for (const reader of this.#readers) reader.end();
  }
}
