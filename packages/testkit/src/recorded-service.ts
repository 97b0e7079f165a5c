import { defineService, java, type JavaType, lazy, method } from "@dubbo-ts/rpc";

/** What Java's `org.example.interop.User` of the recordings is here. */
export interface RecordedUser {
  id: bigint;
  name?: string | null | undefined;
  age: number;
  gender?: "MALE" | "FEMALE" | null | undefined;
  birthday?: Date | null | undefined;
  tags?: string[] | null | undefined;
  attrs?: Map<string, unknown> | Readonly<Record<string, unknown>> | null | undefined;
  boss?: RecordedUser | null | undefined;
  avatar?: Uint8Array | null | undefined;
  balance?: string | null | undefined;
}

const Gender = java.enum("org.example.interop.Gender", ["MALE", "FEMALE"]);
/** Its fields are in the order of the Java class: the order on the wire follows from it. */
export const RecordedUser: JavaType<RecordedUser> = java.object("org.example.interop.User", {
  id: java.long(),
  name: java.string().nullable(),
  age: java.int(),
  gender: Gender.nullable(),
  birthday: java.date().nullable(),
  tags: java.list(java.string()).nullable(),
  attrs: java.map(java.string(), java.any()).nullable(),
  boss: lazy(() => RecordedUser).nullable(),
  avatar: java.bytes().nullable(),
  balance: java.decimal().nullable(),
});
const text = java.string().nullable();
/** The service that the recorded programs of Java and Go called. */
export const RecordedUserService = defineService("org.example.interop.UserService", {
  getUser: method([java.long()], RecordedUser.nullable()),
  echoUser: method([RecordedUser.nullable()], RecordedUser.nullable()),
  listUsers: method([java.int()], java.list(RecordedUser)),
  mapUsers: method([java.int()], java.map(java.string(), RecordedUser)),
  whoami: method([], text),
  addInt: method([java.int(), java.int()], java.int()),
  addLong: method([java.long(), java.long()], java.long()),
  half: method([java.double()], java.double()),
  not: method([java.boolean()], java.boolean()),
  addDecimal: method([java.decimal(), java.decimal()], java.decimal()),
  plusDay: method([java.date()], java.date()),
  flip: method([Gender], Gender),
  nothing: method([], java.void()),
  echo: method([text], text),
  reverse: method([java.bytes()], java.bytes()),
  fail: method([java.string()], text),
  slow: method([java.int()], text),
  attachments: method([], java.map(java.string(), java.string())),
  fire: method([java.string()], java.void()),
});
