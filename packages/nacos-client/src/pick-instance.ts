import type { NacosInstance } from "./instance.js";

/** Those that can be called: healthy, enabled, and of a weight above 0. */
export function selectable(hosts: readonly NacosInstance[]): readonly NacosInstance[] {
  return hosts.filter(({ healthy, enabled, weight }) => healthy && enabled && weight > 0);
}

/**
 * One of those that can be called, at random in proportion to the weights, which may be fractions.
 * @param random at least 0, less than 1. Undefined: there is none.
 */
export function pickInstance(
  hosts: readonly NacosInstance[],
  random: () => number = Math.random,
): NacosInstance | undefined {
  const candidates = selectable(hosts);
  let left = random() * candidates.reduce((sum, { weight }) => sum + weight, 0);
  return candidates.find(({ weight }) => (left -= weight) < 0) ?? candidates.at(-1);
}
