// gRPC as most programs have it: @grpc/grpc-js with the proto loaded at run time.
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import grpc from "@grpc/grpc-js";
import loader from "@grpc/proto-loader";
import { text, users } from "../workload.mjs";

const file = fileURLToPath(new URL("../bench.proto", import.meta.url));
const { BenchProto } = grpc.loadPackageDefinition(loader.loadSync(file)).org.example.bench;

export async function serve() {
  const server = new grpc.Server();
  server.addService(BenchProto.service, {
    Echo: ({ request }, answer) => answer(null, { value: request.value }),
    Users: (_call, answer) => answer(null, { users }),
  });
  const bind = promisify(server.bindAsync.bind(server));
  const port = await bind("127.0.0.1:0", grpc.ServerCredentials.createInsecure());
  return { port };
}

export async function connect({ port }) {
  const client = new BenchProto(`127.0.0.1:${port}`, grpc.credentials.createInsecure());
  const call = (method, request, pick) =>
    new Promise((resolve, reject) => {
      client[method](request, (error, answer) => (error === null ? resolve(pick(answer)) : reject(error)));
    });
  return {
    echo: () => call("Echo", { value: text }, (answer) => answer.value),
    users: () => call("Users", {}, (answer) => answer.users),
  };
}
