import { defineService, java, method } from "dubbo-ts";

/** The Java class, field by field; the names are what counts. */
const User = java.object("org.example.users.User", {
  id: java.long(),
  name: java.string(),
  role: java.enum("org.example.users.Role", ["READER", "WRITER"]),
  born: java.localDate().nullable(),
  tags: java.list(java.string()),
});

/** Served by Java. */
export const UserService = defineService("org.example.users.UserService", {
  find: method([java.long()], User.nullable()),
  all: method([], java.list(User)),
  rename: method([java.long(), java.string()], java.void()),
});

/** Served here, called by Java. */
export const InviteService = defineService("org.example.users.InviteService", {
  invite: method([User], java.string()),
});
