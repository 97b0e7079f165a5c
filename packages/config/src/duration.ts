const unitMs: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** `500ms`, `3s`, `1m30s`, `1.5h`, or a bare number of ms, as Dubbo has it. In ms; undefined: no duration. */
export function parseDuration(text: string): number | undefined {
  if (/^\d{1,15}$/.test(text)) return Number(text);
  if (!/^(?:\d{1,15}(?:\.\d{1,9})?(?:ms|s|m|h|d))+$/.test(text) || text.length > 64) return undefined;
  let sum = 0;
  for (const [, count, unit] of text.matchAll(/([\d.]+)(ms|s|m|h|d)/g))
    sum += Number(count) * (unitMs[unit as string] as number);
  return Math.round(sum);
}

const unitBytes: Readonly<Record<string, number>> = {
  "": 1,
  b: 1,
  kb: 1_000,
  mb: 1_000_000,
  gb: 1_000_000_000,
  kib: 1_024,
  mib: 1_048_576,
  gib: 1_073_741_824,
};

/** `8mib`, `2147mb`, or a bare number of bytes. Undefined: no size. */
export function parseBytes(text: string): number | undefined {
  const [, count, unit] = /^(\d{1,15})\s?([a-z]{0,3})$/.exec(text.toLowerCase()) ?? [];
  const factor = unit === undefined ? undefined : unitBytes[unit];
  return factor === undefined ? undefined : Number(count) * factor;
}
