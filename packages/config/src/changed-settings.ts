import { keyText, type Leaf, pathText, valueText } from "./leaves.js";
import { shownValue } from "./shown-value.js";

/** A setting that has another value than before. Undefined: none was set. */
export interface ChangedSetting {
  readonly key: string;
  readonly from: string | undefined;
  readonly to: string | undefined;
}

/** What is different in `now`, secrets as `***`. */
export function differences(before: readonly Leaf[], now: readonly Leaf[]): readonly ChangedSetting[] {
  const old = new Map(before.map((leaf) => [pathText(leaf.path), leaf]));
  const fresh = new Map(now.map((leaf) => [pathText(leaf.path), leaf]));
  const changed: ChangedSetting[] = [];
  for (const text of new Set([...old.keys(), ...fresh.keys()])) {
    const from = old.get(text);
    const to = fresh.get(text);
    const { path } = (to ?? from) as Leaf;
    const [was, is] = [from && valueText(from.value), to && valueText(to.value)];
    if (was === is) continue;
    const shown = (value: string | undefined) => (value === undefined ? undefined : shownValue(path, value));
    changed.push({ key: keyText(path), from: shown(was), to: shown(is) });
  }
  return changed;
}
