// A consumer whose references are in client.yml: one call of each kind, then the end.
import { parseArgs } from "node:util";
import { fileURLToPath } from "node:url";
import { createApplication, hasCode, type RemoteException } from "dubbo-ts";
import { UserProvider } from "@dubbo-ts/sample-user-api";

const { values } = parseArgs({
  options: { registry: { type: "string" }, profile: { type: "string" }, port: { type: "string" } },
});

await using app = await createApplication({
  config: fileURLToPath(new URL("../client.yml", import.meta.url)),
  argv: process.argv.slice(2),
  ...(values.profile !== undefined && { profile: values.profile }),
});
const users = await app.refer(UserProvider);

console.log("getUser(1n) =", await users.getUser(1n));
console.log("getUser(99n) =", await users.getUser(99n));
console.log(
  "listUsers(10, FEMALE) =",
  (await users.listUsers(10, "FEMALE")).map(({ name }) => name),
);
try {
  await users.rename(1n, "Alan");
} catch (error) {
  if (!hasCode(error, "REMOTE_EXCEPTION")) throw error;
  const { className, detail, fields } = error as RemoteException;
  console.log(`rename(1n, "Alan") threw ${className}: ${detail}`, fields);
}

// The same service, of which only the name is known.
const generic = await app.refer("org.example.UserProvider");
console.log("generic getUser =", await generic.invoke("getUser", [2n], { parameterTypes: ["long"] }));
