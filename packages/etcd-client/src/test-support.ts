import { Server, ServerCredentials, type ServiceDefinition, type UntypedHandleCall } from "@grpc/grpc-js";

/** What a scripted server answers to each message of a method, as it travels: none is nothing, more than one on streams. */
export type Answers = (request: Buffer) => readonly Buffer[];

/** A server that gives the bytes it is told to, by the method's path below `/etcdserverpb.`. */
export interface ScriptedEtcd extends Disposable {
  /** `127.0.0.1:port` */
  readonly endpoint: string;
  /** How often a method was asked for. */
  asked(path: string): number;
}

/** The answer of a healthy etcd of `version` to Status: header = 1, version = 2, leader = 4. */
export function statusAnswer(version: string, header: readonly number[] = [0x0a, 0]): Buffer {
  const text = Buffer.from(version);
  return Buffer.concat([Buffer.from([...header, 0x12, text.length]), text, Buffer.from([0x20, 1])]);
}

/** Serves the methods that `answers` has, and no other. */
export async function scriptedEtcd(answers: Readonly<Record<string, Answers>>): Promise<ScriptedEtcd> {
  const counts = new Map<string, number>();
  const server = new Server();
  const definition: Record<string, ServiceDefinition[string]> = {};
  const handlers: Record<string, UntypedHandleCall> = {};
  for (const [path, answer] of Object.entries(answers)) {
    const counted = (request: Buffer) => {
      counts.set(path, (counts.get(path) ?? 0) + 1);
      return answer(request);
    };
    const streams = path === "Watch/Watch" || path === "Lease/LeaseKeepAlive";
    definition[path] = methodOf(path, streams);
    handlers[path] = streams ? streamOf(counted) : unaryOf(counted);
  }
  server.addService(definition, handlers);
  const port = await new Promise<number>((resolve, reject) =>
    server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, bound) =>
      error === null ? resolve(bound) : reject(error),
    ),
  );
  return {
    endpoint: `127.0.0.1:${port}`,
    asked: (path) => counts.get(path) ?? 0,
    [Symbol.dispose]: () => server.forceShutdown(),
  };
}

function methodOf(path: string, streams: boolean): ServiceDefinition[string] {
  const same = (value: Buffer) => value;
  return {
    path: `/etcdserverpb.${path}`,
    requestStream: streams,
    responseStream: streams,
    requestSerialize: same,
    requestDeserialize: same,
    responseSerialize: same,
    responseDeserialize: same,
  };
}

function unaryOf(answers: Answers): UntypedHandleCall {
  return ({ request }: { request: Buffer }, done: (error: null, value: Buffer) => void) => {
    for (const answer of answers(request)) done(null, answer);
  };
}

function streamOf(answers: Answers): UntypedHandleCall {
  return ((call: NodeJS.ReadWriteStream) => {
    call.on("data", (request: Buffer) => {
      for (const answer of answers(request)) call.write(answer as unknown as string);
    });
    call.on("error", () => {});
    call.on("end", () => call.end());
  }) as unknown as UntypedHandleCall;
}
