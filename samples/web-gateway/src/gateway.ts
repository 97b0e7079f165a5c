import {
  type Application,
  type Client,
  createContainer,
  dubboModule,
  hasCode,
  injectable,
  Reference,
} from "dubbo-ts";
import { UserProvider } from "@dubbo-ts/sample-user-api";
import { fastify, type FastifyInstance, type FastifyRequest } from "fastify";

/** What the routes need, injected: the client is typed, and waits by itself for its first provider. */
@injectable()
class Users {
  constructor(
    @Reference(UserProvider, { check: false, timeoutMs: 2_000 }) readonly client: Client<typeof UserProvider>,
  ) {}
}

/** The caller's trace goes along, and the call ends when the caller hangs up. */
function callOptions(request: FastifyRequest) {
  const controller = new AbortController();
  request.raw.once("close", () => {
    if (request.raw.destroyed && !request.raw.complete) controller.abort(new Error("the browser hung up"));
  });
  const trace = request.headers["traceparent"];
  return {
    signal: controller.signal,
    ...(typeof trace === "string" && { attachments: { traceparent: trace } }),
  };
}

/** JSON has no bigint, Map or Date. */
function toJson(value: unknown): unknown {
  return JSON.parse(
    JSON.stringify(value, (_key, one: unknown) => {
      if (typeof one === "bigint") return one.toString();
      return one instanceof Map ? Object.fromEntries(one) : one;
    }),
  );
}

/** HTTP status by what went wrong: nobody there, too late, wrong input, or an exception of the service. */
function statusOf(error: unknown): number {
  if (hasCode(error, "NO_PROVIDER", "PROVIDERS_PENDING", "DISCOVERY_FAILED", "CONNECT_FAILED")) return 503;
  if (hasCode(error, "CALL_TIMEOUT")) return 504;
  if (hasCode(error, "INVALID_ARGUMENT")) return 400;
  return hasCode(error, "REMOTE_EXCEPTION") ? 409 : 500;
}

/** A web server in front of the user service. Closing it does not stop the application. */
export async function createGateway(application: Application): Promise<FastifyInstance> {
  const container = createContainer();
  container.load(dubboModule(application));
  const { client: users } = await container.getAsync(Users);
  const web = fastify();
  web.setErrorHandler((error: Error, _request, reply) => {
    void reply
      .status(statusOf(error))
      .send({ code: (error as { code?: string }).code, message: error.message });
  });
  web.get<{ Params: { id: string } }>("/users/:id", async (request, reply) => {
    const user = await users.getUser(BigInt(request.params.id), callOptions(request));
    return user === null ? reply.status(404).send({ message: "no such user" }) : toJson(user);
  });
  web.get<{ Querystring: { gender?: "MALE" | "FEMALE"; limit?: string } }>("/users", async (request) => {
    const { gender = "FEMALE", limit = "10" } = request.query;
    return toJson(await users.listUsers(Number(limit), gender, callOptions(request)));
  });
  web.put<{ Params: { id: string }; Body: { name: string } }>("/users/:id/name", async (request) =>
    toJson(await users.rename(BigInt(request.params.id), request.body.name, callOptions(request))),
  );
  return web;
}
