import { durationOfParameter, flagOfParameter } from "./address-parameters.js";

const params = {
  a: "1500",
  b: "15s",
  c: "1m",
  d: "",
  e: "2h",
  f: "15ms",
  on: "true",
  off: "false",
  odd: "1",
};
const duration = (name: string) => durationOfParameter("etcd://h:1", params, name);

describe("parameters of an address", () => {
  test("are durations with and without units, and flags", () => {
    expect(["a", "b", "c", "d", "e", "f", "x"].map(duration)).toEqual([
      1_500,
      15_000,
      60_000,
      undefined,
      7_200_000,
      15,
      undefined,
    ]);
    const flags = ["on", "off", "d", "none"].map((name) => flagOfParameter("etcd://h:1", params, name));
    expect(flags).toEqual([true, false, undefined, undefined]);
  });

  test("that are neither are ADDRESS_INVALID, with the address and the parameter", () => {
    const code = "ADDRESS_INVALID";
    for (const text of ["soon", "0", "-1", "1.5s", "3 s"]) {
      const message = `etcd://h:1: parameter timeout="${text}" is no duration`;
      const read = () => durationOfParameter("etcd://h:1", { timeout: text }, "timeout");
      expect(read).toThrow(expect.objectContaining({ code, message }));
    }
    expect(() => flagOfParameter("etcd://h:1", params, "odd")).toThrow(expect.objectContaining({ code }));
  });
});
