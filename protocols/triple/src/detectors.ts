const preface = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");

/** The methods of HTTP/1.1 that anybody sends to a port like this. */
const methods = ["GET ", "POST ", "PUT ", "HEAD ", "DELETE ", "OPTIONS ", "PATCH ", "CONNECT ", "TRACE "].map(
  (name) => Buffer.from(name),
);

/** HTTP/2 with prior knowledge: its connection preface. */
export function detectHttp2(prefix: Buffer): boolean | undefined {
  return begins(prefix, preface);
}

/** HTTP/1.1: the name of a method. */
export function detectHttp1(prefix: Buffer): boolean | undefined {
  let possible: false | undefined = false;
  for (const method of methods) {
    const found = begins(prefix, method);
    if (found === true) return true;
    if (found === undefined) possible = undefined;
  }
  return possible;
}

/** Undefined when the bytes are right, but not all of them are there. */
function begins(prefix: Buffer, wanted: Buffer): boolean | undefined {
  const length = Math.min(prefix.length, wanted.length);
  if (prefix.compare(wanted, 0, length, 0, length) !== 0) return false;
  return length === wanted.length ? true : undefined;
}
