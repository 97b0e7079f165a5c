/** A natural number as 32-bit words, the highest first: the magnitude of a `java.math.BigInteger`. */
// Through hexadecimal text, which takes linear time; shifting word by word does not.
export function toWords(magnitude: bigint): number[] {
  if (magnitude === 0n) return [];
  const digits = magnitude.toString(16);
  const padded = digits.padStart(Math.ceil(digits.length / 8) * 8, "0");
  return (padded.match(/.{8}/g) ?? []).map((word) => Number.parseInt(word, 16) | 0);
}

/** The number that {@link toWords} was given. */
export function fromWords(words: readonly number[]): bigint {
  const digits = words.map((word) => (word >>> 0).toString(16).padStart(8, "0")).join("");
  return BigInt(`0x${digits === "" ? "0" : digits}`);
}
