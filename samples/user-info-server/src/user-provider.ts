import { type Implementation, inject, RemoteException, Service } from "dubbo-ts";
import { type User, UserProvider } from "@dubbo-ts/sample-user-api";
import { UserStore } from "./user-store.js";

/** The compiler checks the methods against the definition: a missing or a wrong one is an error. */
@Service(UserProvider)
export class UserProviderImpl implements Implementation<typeof UserProvider> {
  constructor(@inject(UserStore) private readonly users: UserStore) {}

  getUser(id: bigint): User | null {
    return this.users.find(id) ?? null;
  }

  listUsers(limit: number, gender: User["gender"]): User[] {
    return this.users
      .all()
      .filter((user) => user.gender === gender)
      .slice(0, limit);
  }

  rename(id: bigint, name: string): User {
    const user = this.users.find(id);
    if (user === undefined) throw new RemoteException("java.util.NoSuchElementException", `no user ${id}`);
    if (this.users.all().some((other) => other.name === name && other.id !== id))
      throw new RemoteException("org.example.NameTakenException", `${name} is taken`, { taken: name });
    const renamed = { ...user, name };
    this.users.save(renamed);
    return renamed;
  }

  whoAmI(): string {
    return `pid ${process.pid}`;
  }
}
