import type { NacosInstance } from "./instance.js";
import { pickInstance } from "./pick-instance.js";

describe("picking an instance", () => {
  const host = (port: number, more: Partial<NacosInstance> = {}) =>
    ({ port, weight: 1, healthy: true, enabled: true, ...more }) as NacosInstance;

  test("follows the weights, which may be small fractions, and leaves out what cannot be called", () => {
    const hosts = [
      host(1, { weight: 0.1 }),
      host(2, { weight: 0.3 }),
      host(3, { healthy: false }),
      host(4, { enabled: false }),
      host(5, { weight: 0 }),
      host(6, { weight: -1 }),
    ];
    const picked = Array.from({ length: 100 }, (_, at) => pickInstance(hosts, () => at / 100)?.port);
    expect(picked.filter((port) => port === 1)).toHaveLength(25);
    expect(picked.filter((port) => port === 2)).toHaveLength(75);
    expect(pickInstance(hosts.slice(2))).toBeUndefined();
  });
});
