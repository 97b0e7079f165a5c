/** What the first byte of a value says it is (rpc-protocols 2.1; Hessian2Constants.java in hessian-lite). */
export const Kind = {
  unknown: 0,
  null: 1,
  boolean: 2,
  int: 3,
  long: 4,
  double: 5,
  date: 6,
  bytes: 7,
  string: 8,
  list: 9,
  map: 10,
  object: 11,
  reference: 12,
} as const;

const names = Object.keys(Kind);

/** `int`, `list`: the word for messages. */
export function nameOfKind(kind: number): string {
  return kind === Kind.unknown ? "an unknown tag" : (names[kind] as string);
}

/** The tags as they are in code; ranges are in {@link kindOfTag}. */
export const Tag = {
  null: 0x4e,
  reference: 0x51,
  definition: 0x43,
  /** The end of a map, or of a list of variable length. */
  end: 0x5a,
} as const;

const ranges: readonly (readonly [kind: number, from: number, to?: number])[] = [
  [Kind.null, 0x4e],
  [Kind.boolean, 0x46],
  [Kind.boolean, 0x54],
  [Kind.int, 0x80, 0xd7],
  [Kind.int, 0x49],
  [Kind.long, 0xd8, 0xff],
  [Kind.long, 0x38, 0x3f],
  [Kind.long, 0x59],
  [Kind.long, 0x4c],
  [Kind.double, 0x5b, 0x5f],
  [Kind.double, 0x44],
  [Kind.date, 0x4a, 0x4b],
  [Kind.bytes, 0x20, 0x2f],
  [Kind.bytes, 0x34, 0x37],
  [Kind.bytes, 0x41, 0x42],
  [Kind.string, 0x00, 0x1f],
  [Kind.string, 0x30, 0x33],
  [Kind.string, 0x52, 0x53],
  [Kind.list, 0x55, 0x58],
  [Kind.list, 0x70, 0x7f],
  [Kind.map, 0x48],
  [Kind.map, 0x4d],
  [Kind.object, 0x43],
  [Kind.object, 0x4f],
  [Kind.object, 0x60, 0x6f],
  [Kind.reference, 0x51],
];

/** The kind of each of the 256 tags. Not to be written to. */
export const kindOfTag: Uint8Array = tabulate();

function tabulate(): Uint8Array {
  const table = new Uint8Array(256);
  for (const [kind, from, to = from] of ranges) table.fill(kind, from, to + 1);
  return table;
}
