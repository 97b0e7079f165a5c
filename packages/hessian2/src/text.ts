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

/** Up to here making a string in JavaScript is several times faster than asking the Buffer for it. */
export const maxShortText = 16;

const of = String.fromCharCode;

/** The text of `length` bytes, all of them ASCII, at most {@link maxShortText}. */
// One call with all units makes the string in one piece; a loop would make one for each unit.
export function shortAscii(bytes: Buffer, at: number, length: number): string {
  const b = bytes as unknown as readonly number[];
  switch (length) {
    case 1:
      return of(b[at] as number);
    case 2:
      return of(b[at] as number, b[at + 1] as number);
    case 3:
      return of(b[at] as number, b[at + 1] as number, b[at + 2] as number);
    case 4:
      return of(b[at] as number, b[at + 1] as number, b[at + 2] as number, b[at + 3] as number);
    case 5:
      return of(
        b[at] as number,
        b[at + 1] as number,
        b[at + 2] as number,
        b[at + 3] as number,
        b[at + 4] as number,
      );
    case 6:
      return of(
        b[at] as number,
        b[at + 1] as number,
        b[at + 2] as number,
        b[at + 3] as number,
        b[at + 4] as number,
        b[at + 5] as number,
      );
    case 7:
      return of(
        b[at] as number,
        b[at + 1] as number,
        b[at + 2] as number,
        b[at + 3] as number,
        b[at + 4] as number,
        b[at + 5] as number,
        b[at + 6] as number,
      );
    case 8:
      return of(
        b[at] as number,
        b[at + 1] as number,
        b[at + 2] as number,
        b[at + 3] as number,
        b[at + 4] as number,
        b[at + 5] as number,
        b[at + 6] as number,
        b[at + 7] as number,
      );
    case 9:
      return of(
        b[at] as number,
        b[at + 1] as number,
        b[at + 2] as number,
        b[at + 3] as number,
        b[at + 4] as number,
        b[at + 5] as number,
        b[at + 6] as number,
        b[at + 7] as number,
        b[at + 8] as number,
      );
    case 10:
      return of(
        b[at] as number,
        b[at + 1] as number,
        b[at + 2] as number,
        b[at + 3] as number,
        b[at + 4] as number,
        b[at + 5] as number,
        b[at + 6] as number,
        b[at + 7] as number,
        b[at + 8] as number,
        b[at + 9] as number,
      );
    case 11:
      return of(
        b[at] as number,
        b[at + 1] as number,
        b[at + 2] as number,
        b[at + 3] as number,
        b[at + 4] as number,
        b[at + 5] as number,
        b[at + 6] as number,
        b[at + 7] as number,
        b[at + 8] as number,
        b[at + 9] as number,
        b[at + 10] as number,
      );
    case 12:
      return of(
        b[at] as number,
        b[at + 1] as number,
        b[at + 2] as number,
        b[at + 3] as number,
        b[at + 4] as number,
        b[at + 5] as number,
        b[at + 6] as number,
        b[at + 7] as number,
        b[at + 8] as number,
        b[at + 9] as number,
        b[at + 10] as number,
        b[at + 11] as number,
      );
    case 13:
      return of(
        b[at] as number,
        b[at + 1] as number,
        b[at + 2] as number,
        b[at + 3] as number,
        b[at + 4] as number,
        b[at + 5] as number,
        b[at + 6] as number,
        b[at + 7] as number,
        b[at + 8] as number,
        b[at + 9] as number,
        b[at + 10] as number,
        b[at + 11] as number,
        b[at + 12] as number,
      );
    case 14:
      return of(
        b[at] as number,
        b[at + 1] as number,
        b[at + 2] as number,
        b[at + 3] as number,
        b[at + 4] as number,
        b[at + 5] as number,
        b[at + 6] as number,
        b[at + 7] as number,
        b[at + 8] as number,
        b[at + 9] as number,
        b[at + 10] as number,
        b[at + 11] as number,
        b[at + 12] as number,
        b[at + 13] as number,
      );
    case 15:
      return of(
        b[at] as number,
        b[at + 1] as number,
        b[at + 2] as number,
        b[at + 3] as number,
        b[at + 4] as number,
        b[at + 5] as number,
        b[at + 6] as number,
        b[at + 7] as number,
        b[at + 8] as number,
        b[at + 9] as number,
        b[at + 10] as number,
        b[at + 11] as number,
        b[at + 12] as number,
        b[at + 13] as number,
        b[at + 14] as number,
      );
    case 16:
      return of(
        b[at] as number,
        b[at + 1] as number,
        b[at + 2] as number,
        b[at + 3] as number,
        b[at + 4] as number,
        b[at + 5] as number,
        b[at + 6] as number,
        b[at + 7] as number,
        b[at + 8] as number,
        b[at + 9] as number,
        b[at + 10] as number,
        b[at + 11] as number,
        b[at + 12] as number,
        b[at + 13] as number,
        b[at + 14] as number,
        b[at + 15] as number,
      );
    default:
      return "";
  }
}
