import { injectable } from "dubbo-ts";
import type { User } from "@dubbo-ts/sample-user-api";

/** Where the users are; a database in a real program. */
@injectable()
export class UserStore {
  readonly #users = new Map<bigint, User>(
    [
      { id: 1n, name: "Ada", gender: "FEMALE" as const, birthday: new Date(Date.UTC(1815, 11, 10)) },
      { id: 2n, name: "Alan", gender: "MALE" as const, birthday: new Date(Date.UTC(1912, 5, 23)) },
      { id: 3n, name: "Grace", gender: "FEMALE" as const, birthday: null },
    ].map((user) => [user.id, { ...user, tags: ["pioneer"], attrs: new Map() }]),
  );

  /** Undefined when there is none. */
  find(id: bigint): User | undefined {
    return this.#users.get(id);
  }

  /** All of them. */
  all(): User[] {
    return [...this.#users.values()];
  }

  /** Takes the place of the user with the same id. */
  save(user: User): void {
    this.#users.set(user.id, user);
  }
}
