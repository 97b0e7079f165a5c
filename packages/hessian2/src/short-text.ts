/** Up to here making a string in JavaScript is faster than asking the Buffer for it. */
export const maxShortText = 48;

type ReadAscii = (bytes: Buffer, at: number) => string | undefined;

/**
 * A function for each length, made when a text of that length is read first: one call with all units makes the
 * string in one piece, where a loop would make one for each unit, and looks for other characters on the way.
 */
const readers: (ReadAscii | undefined)[] = [];

/** The text of `length` bytes, 1 to {@link maxShortText} of them; undefined when not all of them are ASCII. */
export function shortAscii(bytes: Buffer, at: number, length: number): string | undefined {
  return (readers[length] ??= makeReader(length))(bytes, at);
}

function makeReader(length: number): ReadAscii {
  const units = Array.from({ length }, (_, i) => `u${i}`);
  const reading = units.map((unit, i) => `${unit} = bytes[at + ${i}]`).join(", ");
  const code = `"use strict"; return (bytes, at) => {
    const ${reading};
    return (${units.join(" | ")}) < 0x80 ? of(${units.join(", ")}) : undefined;
  };`;
  try {
    // Nothing but numbers enters the code.
    // oxlint-disable-next-line typescript/no-implied-eval
    return new Function("of", code)(String.fromCharCode) as ReadAscii;
  } catch (error) {
    if (error instanceof EvalError) return readerWithoutCode(length); // --disallow-code-generation-from-strings
    throw error;
  }
}

/** Without making code. */
export function readerWithoutCode(length: number): ReadAscii {
  return (bytes, at) => {
    for (let i = at; i < at + length; i++) if ((bytes[i] as number) >= 0x80) return undefined;
    return bytes.toString("latin1", at, at + length);
  };
}
