/** A key that long is no typing error, and comparing takes time in proportion to its length. */
const maxLength = 64;
/** Names beyond these are not compared. */
const maxNames = 200;

/** The one of `names` that `name` was likely meant to be; undefined when none is near. */
function nearest(name: string, names: Iterable<string>): string | undefined {
  if (name.length > maxLength) return undefined;
  let best: string | undefined;
  let least = Math.max(1, Math.floor(name.length / 3)) + 1;
  let compared = 0;
  for (const other of names) {
    if (++compared > maxNames) break;
    if (Math.abs(other.length - name.length) >= least) continue;
    const distance = edits(name.toLowerCase(), other.toLowerCase());
    if (distance < least) [best, least] = [other, distance];
  }
  return best;
}

/** `; did you mean "x"?`, or nothing when no name is near. */
export function didYouMean(name: string, names: Iterable<string>): string {
  const near = nearest(name, names);
  return near === undefined ? "" : `; did you mean "${near}"?`;
}

/** Levenshtein distance: how many characters are added, removed or changed. */
function edits(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const change = (row[j - 1] as number) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(change, (row[j] as number) + 1, (next[j - 1] as number) + 1));
    }
    row = next;
  }
  return row[b.length] as number;
}
