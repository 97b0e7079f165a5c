import { Misfit } from "./misfit.js";

/**
 * `length` UTF-16 units from `start` on: CESU-8 as Java writes it, and UTF-8 with four bytes for what is beyond
 * 16 bits, as old versions of dubbo-go-hessian2 wrote it (rpc-protocols 2.6 H7).
 *
 * @throws {Misfit} no such text, or it goes on behind `end`.
 */
export function readUtf8(
  bytes: Buffer,
  start: number,
  end: number,
  length: number,
): { text: string; end: number } {
  const units = Buffer.allocUnsafe(length * 2 + 2);
  let at = start;
  let out = 0;
  const full = length * 2;
  while (out < full) {
    const size = sizeOf(bytes, at, end);
    const point = pointAt(bytes, at, size);
    at += size;
    if (point > 0xffff) {
      out = units.writeUInt16LE(0xd800 + ((point - 0x10000) >> 10), out);
      out = units.writeUInt16LE(0xdc00 + ((point - 0x10000) & 0x3ff), out);
    } else {
      units[out++] = point;
      units[out++] = point >> 8;
    }
  }
  return { text: units.toString("utf16le", 0, out), end: at };
}

function sizeOf(bytes: Buffer, at: number, end: number): number {
  const first = at < end ? (bytes[at] as number) : 0xff;
  const size =
    first < 0x80 ? 1 : first < 0xc0 ? 0 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : first < 0xf5 ? 4 : 0;
  if (size === 0 || at + size > end) throw new Misfit("the text of a string is malformed or cut off");
  return size;
}

function pointAt(bytes: Buffer, at: number, size: number): number {
  let point = size === 1 ? (bytes[at] as number) : (bytes[at] as number) & (0xff >> (size + 1));
  for (let i = 1; i < size; i++) {
    const next = bytes[at + i] as number;
    if ((next & 0xc0) !== 0x80) throw new Misfit("the text of a string is malformed");
    point = (point << 6) | (next & 0x3f);
  }
  if (point > 0x10ffff) throw new Misfit("the text of a string is malformed");
  return point;
}
