/** Where two lists differ: before `from` they are the same objects, and so are they behind the two ends. */
export interface ChangedSpan {
  readonly from: number;
  readonly beforeEnd: number;
  readonly afterEnd: number;
}

/**
 * Finds what lies between the longest equal beginning and the longest equal end, by identity. Of a long list in which
 * one item came, went or was replaced that is this one item, at the price of comparing pointers.
 */
export function changedSpan(before: readonly unknown[], after: readonly unknown[]): ChangedSpan {
  const shorter = Math.min(before.length, after.length);
  let from = 0;
  while (from < shorter && before[from] === after[from]) from += 1;
  let beforeEnd = before.length;
  let afterEnd = after.length;
  while (beforeEnd > from && afterEnd > from && before[beforeEnd - 1] === after[afterEnd - 1]) {
    beforeEnd -= 1;
    afterEnd -= 1;
  }
  return { from, beforeEnd, afterEnd };
}
