import { gzipSync } from "node:zlib";
import { readDatagram } from "./udp-push.js";

describe("a pushed datagram", () => {
  const data = JSON.stringify({ name: "g@@s", hosts: [], lastRefTime: 5 });
  const text = `{"type":"dom","data":${JSON.stringify(data)},"lastRefTime":18446744073709551}`;

  test("is read plain or packed, with all digits of the time that is acknowledged", () => {
    for (const bytes of [Buffer.from(text), gzipSync(text)])
      expect(readDatagram(bytes)).toEqual({
        lastRefTime: "18446744073709551",
        info: JSON.parse(data) as object,
      });
  });

  test("that nobody asked for is nothing", () => {
    for (const bytes of ["", "x", "[]", "{}", '{"type":"dom","data":"x"}'])
      expect(readDatagram(Buffer.from(bytes))).toBeUndefined();
    expect(readDatagram(Buffer.from([0x1f, 0x8b, 1, 2, 3]))).toBeUndefined();
    expect(readDatagram(Buffer.from('{"type":"dump","data":"{}","lastRefTime":1}'))?.info).toBeUndefined();
  });
});
