import { defineService, type Infer, java, method } from "dubbo-ts";

/** Constants travel by name. */
export const Gender = java.enum("org.example.Gender", ["MALE", "FEMALE"]);

/** A user, as the Java class `org.example.User` has it. */
export const User = java.object("org.example.User", {
  id: java.long(),
  name: java.string(),
  gender: Gender,
  birthday: java.date().nullable(),
  tags: java.list(java.string()),
  attrs: java.map(java.string(), java.any()),
});
/** The same as a TypeScript type. */
export type User = Infer<typeof User>;

/** Thrown when a name is taken. */
export const NameTaken = java.throwable("org.example.NameTakenException", { taken: java.string() });

/** Looks users up and creates them. */
export const UserProvider = defineService("org.example.UserProvider", {
  getUser: method([java.long()], User.nullable()),
  listUsers: method([java.int(), Gender], java.list(User)),
  rename: method([java.long(), java.string()], User),
  /** The process id of the provider that answers, to show where a call went. */
  whoAmI: method([], java.string()),
});
