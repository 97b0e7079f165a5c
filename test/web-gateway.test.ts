import { callContext, createApplication, memoryCenters, RemoteException } from "dubbo-ts";
import { UserProvider, type User } from "@dubbo-ts/sample-user-api";
import { createGateway } from "@dubbo-ts/sample-web-gateway";

const ada: User = {
  id: 1n,
  name: "Ada",
  gender: "FEMALE",
  birthday: null,
  tags: ["pioneer"],
  attrs: new Map(),
};

test("a web gateway over a reference answers, and turns errors into statuses", async () => {
  const shared = {
    config: { logger: { level: "silent" }, shutdown: { grace: 0 } },
    registry: "memory://",
    memory: memoryCenters(),
    env: {},
  };
  await using consumer = await createApplication({ ...shared, name: "gateway" });
  const web = await createGateway(consumer);
  try {
    await using provider = await createApplication({ ...shared, name: "users" });
    const traces: (string | undefined)[] = [];
    await provider.export(UserProvider, {
      getUser(id) {
        traces.push(callContext().attachments.get("traceparent"));
        return id === 1n ? ada : null;
      },
      listUsers: () => [ada],
      rename: (_id, name) => {
        throw new RemoteException("org.example.NameTakenException", `${name} is taken`);
      },
      whoAmI: () => "it",
    });
    await provider.start();
    const user = await web.inject({ url: "/users/1", headers: { traceparent: "00-1-2-01" } });
    expect([user.statusCode, user.json()]).toEqual([
      200,
      { id: "1", name: "Ada", gender: "FEMALE", birthday: null, tags: ["pioneer"], attrs: {} },
    ]);
    expect(traces).toEqual(["00-1-2-01"]);
    expect((await web.inject({ url: "/users/2" })).statusCode).toBe(404);
    expect((await web.inject({ url: "/users?limit=1.5" })).statusCode).toBe(400);
    expect((await web.inject({ url: "/users" })).json()).toHaveLength(1);
    const taken = await web.inject({ method: "PUT", url: "/users/1/name", payload: { name: "Alan" } });
    expect([taken.statusCode, taken.json()]).toEqual([
      409,
      { code: "REMOTE_EXCEPTION", message: "Alan is taken" },
    ]);
  } finally {
    await web.close();
  }
});
