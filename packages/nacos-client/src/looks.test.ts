import { firstLookMs, resyncPauseMs } from "./looks.js";
import { systemEnvironment } from "./environment.js";

const at = (random: number) => ({ ...systemEnvironment, random: () => random });

test("who registers a few services looks for them soon, who registers many spreads it", () => {
  expect([firstLookMs(1, at(0.99)), firstLookMs(10, at(0.99))]).toEqual([1_500, 1_500]);
  expect([firstLookMs(100, at(0)), firstLookMs(100, at(0.5))]).toEqual([1_500, 1_500 + 45 * 6_000]);
});

test("two hundred hosts are read in a mean pause, however many services, but each within sixty of them", () => {
  const times = (services: number, hosts: number) =>
    resyncPauseMs(60_000, { services, hosts }, at(0.5)) / 60_000;
  expect([times(1, 0), times(1, 200), times(40, 5)]).toEqual([1, 1, 1]);
  expect([times(1, 2_000), times(20, 100)]).toEqual([10, 10]);
  expect(times(100, 1_000)).toBe(60);
});
