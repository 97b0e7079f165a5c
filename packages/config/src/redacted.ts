/** Parameters of adapters have names of their own: `sentinelPassword`, `access-key`, `client.secret`. */
const secretKeys =
  /(?:password|passwd|pwd|passphrase|token|secret|secretkey|accesskey|apikey|privatekey|credentials?|authorization)$/;

/** True for the name of a setting whose value is nobody's business. */
export function isSecretKey(key: string): boolean {
  return secretKeys.test(key.replace(/[-_.]/g, "").toLowerCase());
}

/**
 * A copy of a configuration, or of a part of it, that may be printed: passwords, tokens and keys as `***`,
 * registry addresses without user and parameters.
 */
export function redacted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(redacted);
  if (typeof value !== "object" || value === null) return value;
  if ("safeText" in value) return value.safeText;
  const copy: Record<string, unknown> = {};
  for (const [key, member] of Object.entries(value))
    copy[key] = isSecretKey(key) && member !== undefined ? "***" : redacted(member);
  return copy;
}
