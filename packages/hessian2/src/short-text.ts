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
