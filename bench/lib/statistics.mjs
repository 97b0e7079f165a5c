/** The value at `share` (0 to 1) of sorted numbers. */
export function quantile(sorted, share) {
  return sorted.length === 0
    ? Number.NaN
    : sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))];
}

export function sortedNumbers(values) {
  return [...values].sort((a, b) => a - b);
}

/** The middle of an odd number of values, the lower middle of an even one. */
export function median(values) {
  const sorted = sortedNumbers(values);
  return sorted.length === 0 ? Number.NaN : sorted[(sorted.length - 1) >> 1];
}

/** Least, middle and greatest of `values`. */
export function spread(values) {
  const sorted = sortedNumbers(values);
  return { min: sorted[0], median: median(sorted), max: sorted.at(-1) };
}
