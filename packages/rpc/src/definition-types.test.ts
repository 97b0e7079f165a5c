import type { RemoteException } from "@dubbo-ts/core";
import { defineService } from "./define-service.js";
import { java, lazy } from "./java.js";
import type { Infer, JavaType } from "./java-type.js";
import { method } from "./method.js";
import type { CallOptions, Client, Implementation } from "./service-definition.js";

const Gender = java.enum("org.example.Gender", ["MALE", "FEMALE"]);
const User = java.object("org.example.User", {
  id: java.long(),
  name: java.string(),
  gender: Gender,
  birthday: java.date().nullable(),
  tags: java.list(java.string()),
  attrs: java.map(java.string(), java.any()),
});
type User = Infer<typeof User>;

const UserProvider = defineService("org.example.UserProvider", {
  getUser: method([java.long()], User.nullable()),
  listUsers: method([java.int(), Gender], java.list(User)),
  ping: method([], java.void()),
  watch: method.serverStream([java.string()], User),
  upload: method.clientStream(java.bytes(), java.int()),
  chat: method.bidi(java.string(), java.string()),
});

/** Exactly the same type, not merely assignable. */
type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;

/** Compiles only for true. */
function holds<_T extends true>(): void {
  expect(true).toBe(true);
}

const user: User = {
  id: 1n,
  name: "Ann",
  gender: "FEMALE",
  birthday: new Date(0),
  tags: ["a"],
  attrs: new Map<string, unknown>([["x", 1]]),
};

class UserProviderImpl implements Implementation<typeof UserProvider> {
  getUser(id: bigint) {
    return id === 1n ? user : null;
  }
  async listUsers(limit: number, gender: "MALE" | "FEMALE") {
    return gender === "MALE" && limit > 0 ? [user] : [];
  }
  ping() {}
  async *watch(_name: string) {
    yield user;
  }
  async upload(messages: AsyncIterable<Uint8Array>) {
    let size = 0;
    for await (const message of messages) size += message.length;
    return size;
  }
  async *chat(messages: AsyncIterable<string>) {
    for await (const message of messages) yield message;
  }
}

// What must not compile: checked by the compiler, never run.
async function mistakes(client: Client<typeof UserProvider>): Promise<void> {
  // @ts-expect-error a method is missing
  class Missing implements Implementation<typeof UserProvider> {
    getUser() {
      return null;
    }
  }
  void Missing;

  class WrongArgument extends UserProviderImpl {
    // @ts-expect-error a bigint comes in, not a text
    override getUser(id: string) {
      return id === "" ? user : null;
    }
  }
  void WrongArgument;

  const wrongArgument: Pick<Implementation<typeof UserProvider>, "getUser"> = {
    // @ts-expect-error a bigint comes in, not a text
    getUser: (id: string) => (id === "" ? user : null),
  };
  const wrongResult: Pick<Implementation<typeof UserProvider>, "getUser"> = {
    // @ts-expect-error the result is a user or null
    getUser: () => "Ann",
  };
  const wrongEnum: Pick<Implementation<typeof UserProvider>, "listUsers"> = {
    // @ts-expect-error no such constant
    listUsers: () => [{ ...user, gender: "OTHER" }],
  };
  void [wrongArgument, wrongResult, wrongEnum];

  // @ts-expect-error a text for a long
  await client.getUser("1");
  // @ts-expect-error a number for a long
  await client.getUser(1);
  // @ts-expect-error too few arguments
  await client.listUsers(1);
  // @ts-expect-error no such constant
  await client.listUsers(1, "OTHER");
  // @ts-expect-error no such option
  await client.getUser(1n, { timeout: 5 });
  // @ts-expect-error one argument too many
  await client.getUser(1n, {}, 2);
  // @ts-expect-error no such method
  await client.removeUser(1n);
  // @ts-expect-error a client is not thenable
  void client.then;
  // @ts-expect-error a list may not hold null
  const tags: User["tags"] = [null];
  // @ts-expect-error a field that may not be null may not be left out
  const nameless: User = { id: 1n, gender: "MALE", tags: [], attrs: new Map() };
  void [tags, nameless];
  // @ts-expect-error only a number for such a long
  const small: Infer<ReturnType<typeof numberLong>> = 1n;
  void small;
}

const numberLong = () => java.long({ as: "number" });

describe("types of a definition", () => {
  test("the values of a type are inferred", () => {
    holds<
      Same<
        User,
        {
          id: bigint;
          name: string;
          gender: "MALE" | "FEMALE";
          birthday?: Date | null;
          tags: string[];
          attrs: Map<string, unknown>;
        }
      >
    >();
    holds<Same<Infer<ReturnType<typeof java.decimal>>, string>>();
    holds<Same<Infer<ReturnType<typeof java.bigInteger>>, bigint>>();
    holds<Same<Infer<ReturnType<typeof numberLong>>, number>>();
    holds<Same<Infer<ReturnType<typeof java.any>>, unknown>>();
  });

  test("collections, arrays and nullable elements are inferred", () => {
    const matrix = java.array(java.array(java.double()));
    holds<Same<Infer<typeof matrix>, number[][]>>();
    const set = java.set(java.long().nullable());
    holds<Same<Infer<typeof set>, Set<bigint | null>>>();
    const map = java.map(java.int(), java.list(User));
    holds<Same<Infer<typeof map>, Map<number, User[]>>>();
  });

  test("a subclass has the fields of its superclass", () => {
    const Admin = java.object("org.example.Admin", { level: java.int() }, { extends: User });
    holds<Same<Infer<typeof Admin>["level"], number>>();
    holds<Same<Infer<typeof Admin>["name"], string>>();
    const admin: Infer<typeof Admin> = { ...user, level: 3 };
    const asUser: User = admin;
    expect(asUser.name).toBe("Ann");
  });

  test("a recursive type is written with an interface", () => {
    interface Tree {
      name: string;
      children: Tree[];
    }
    const Tree: JavaType<Tree> = java.object("org.example.Tree", {
      name: java.string(),
      children: java.list(lazy(() => Tree)),
    });
    holds<Same<Infer<typeof Tree>, Tree>>();
  });

  test("an exception has typed fields", () => {
    const NotEnough = java.throwable("org.example.NotEnough", { left: java.int() });
    type NotEnough = Infer<typeof NotEnough>;
    const left = (error: NotEnough): number => error.fields.left;
    const plain = (error: NotEnough): RemoteException => error;
    expect([left, plain]).toHaveLength(2);
  });

  test("a transformed type is what the program works with", () => {
    const Amount = java
      .decimal()
      .transform({ decode: Number, encode: (amount: number) => amount.toFixed(2) });
    holds<Same<Infer<typeof Amount>, number>>();
    const Optional = Amount.nullable();
    holds<Same<Infer<typeof Optional>, number | null>>();
  });

  test("a client has the definition's methods, options last and optional", () => {
    type C = Client<typeof UserProvider>;
    holds<Same<Parameters<C["getUser"]>, [bigint, options?: CallOptions]>>();
    holds<Same<ReturnType<C["getUser"]>, Promise<User | null>>>();
    holds<Same<Parameters<C["listUsers"]>, [number, "MALE" | "FEMALE", options?: CallOptions]>>();
    holds<Same<Parameters<C["ping"]>, [options?: CallOptions]>>();
    holds<Same<ReturnType<C["ping"]>, Promise<void>>>();
    holds<Same<ReturnType<C["watch"]>, AsyncIterable<User>>>();
    holds<Same<ReturnType<C["upload"]>, Promise<number>>>();
    expect(mistakes).toHaveLength(1);
  });

  test("a fake of a client is an object with its methods", async () => {
    const fake: Pick<Client<typeof UserProvider>, "getUser"> = { getUser: async () => user };
    expect(await fake.getUser(1n, { timeoutMs: 500, attachments: { trace: "x" } })).toBe(user);
    expect(new UserProviderImpl().getUser(2n)).toBeNull();
  });
});
