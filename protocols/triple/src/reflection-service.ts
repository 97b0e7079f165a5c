import { type ServedService, WireReader, WireWriter } from "@dubbo-ts/rpc";
import type { handleBidiStreamingCall, Server } from "@grpc/grpc-js";
import descriptor from "protobufjs/ext/descriptor.js";
import type protobuf from "protobufjs";
import { rootOf } from "./load-proto.js";
import type { ServiceTable } from "./service-table.js";
import { Status } from "./status.js";

const identity = (bytes: Buffer): Buffer => bytes;

/** A file descriptor: its name, what it imports and defines, and its bytes. */
interface ProtoFile {
  readonly name: string;
  readonly imports: readonly string[];
  readonly symbols: ReadonlySet<string>;
  readonly bytes: Buffer;
}

/** Services of this port that are no Dubbo services. */
const builtIn = ["grpc.health.v1.Health", "grpc.reflection.v1.ServerReflection"] as const;

/**
 * grpc.reflection.v1 and v1alpha, whose messages are the same: what `grpcurl` and its like ask. All services are
 * listed; files are known of those that come from a `.proto`.
 */
export class ReflectionService {
  readonly #files = new WeakMap<protobuf.Root, readonly ProtoFile[]>();

  constructor(private readonly services: ServiceTable) {}

  register(server: Server): void {
    for (const version of ["v1", "v1alpha"]) {
      const path = `/grpc.reflection.${version}.ServerReflection/ServerReflectionInfo`;
      server.register(path, this.#info, identity, identity, "bidi");
    }
  }

  readonly #info: handleBidiStreamingCall<Buffer, Buffer> = (call) => {
    call.on("data", (request: Buffer) => call.write(this.#answer(request)));
    call.on("end", () => call.end());
    call.on("error", () => {});
  };

  /** ServerReflectionResponse: 1 valid_host, 2 original_request, 4 to 7 the answer. */
  #answer(request: Buffer): Buffer {
    const response = new WireWriter();
    let answered = false;
    const answer = (field: number, value: Buffer) => {
      if (answered) return;
      answered = true;
      response.field(2, request).field(field, value);
    };
    try {
      for (const reader = new WireReader(request); reader.next(); ) {
        if (reader.field === 3) this.#fileNamed(reader.text(), answer);
        else if (reader.field === 4) this.#fileOf(reader.text(), answer);
        else if (reader.field === 7) answer(6, this.#list());
        else if (reader.field === 5 || reader.field === 6)
          answer(7, failure("extensions are not known here"));
      }
    } catch {
      // Told below, as for a request that asks for nothing.
    }
    if (!answered) answer(7, failure("the request cannot be read"));
    return response.finish();
  }

  #list(): Buffer {
    const list = new WireWriter();
    for (const name of new Set([...this.services.interfaces, ...builtIn])) {
      list.field(1, new WireWriter().field(1, name).finish());
    }
    return list.finish();
  }

  #fileNamed(name: string, answer: (field: number, value: Buffer) => void): void {
    const files = this.#all().find((all) => all.some((file) => file.name === name));
    const file = files?.find((one) => one.name === name);
    if (files === undefined || file === undefined) answer(7, failure(`no file ${name.slice(0, 200)}`));
    else answer(4, withImports(file, files));
  }

  #fileOf(symbol: string, answer: (field: number, value: Buffer) => void): void {
    for (const files of this.#all()) {
      const file = files.find(({ symbols }) => symbols.has(symbol));
      if (file !== undefined) return answer(4, withImports(file, files));
    }
    answer(7, failure(`no file has ${symbol.slice(0, 200)}`));
  }

  /** The files of each `.proto` that services came from. */
  #all(): (readonly ProtoFile[])[] {
    const served = [...this.services.interfaces].flatMap((name) => this.services.find(name));
    const roots = new Set(served.flatMap(({ definition }: ServedService) => rootOf(definition) ?? []));
    return [...roots].map((root) => {
      const files = this.#files.get(root) ?? filesOf(root);
      this.#files.set(root, files);
      return files;
    });
  }
}

function filesOf(root: protobuf.Root): readonly ProtoFile[] {
  const { file: files } = root.toDescriptor("proto3");
  return files.map((file) => {
    const prefix = file.package ? `${file.package}.` : "";
    const symbols = new Set<string>();
    for (const { name, method } of file.service ?? []) {
      symbols.add(`${prefix}${name}`);
      for (const one of method ?? []) symbols.add(`${prefix}${name}.${one.name}`);
    }
    for (const message of file.messageType ?? []) addMessage(symbols, prefix, message);
    for (const { name } of file.enumType ?? []) symbols.add(`${prefix}${name}`);
    const bytes = Buffer.from(descriptor.FileDescriptorProto.encode(file).finish());
    return { name: file.name ?? "", imports: file.dependency ?? [], symbols, bytes };
  });
}

function addMessage(symbols: Set<string>, prefix: string, message: descriptor.IDescriptorProto): void {
  const name = `${prefix}${message.name}`;
  symbols.add(name);
  for (const { name: inner } of message.enumType ?? []) symbols.add(`${name}.${inner}`);
  for (const nested of message.nestedType ?? []) addMessage(symbols, `${name}.`, nested);
}

/** FileDescriptorResponse: the file, and all that it imports. */
function withImports(file: ProtoFile, all: readonly ProtoFile[]): Buffer {
  const files = new Set([file]);
  for (const { imports } of files) {
    for (const name of imports) {
      const imported = all.find((one) => one.name === name);
      if (imported !== undefined) files.add(imported);
    }
  }
  const response = new WireWriter();
  for (const { bytes } of files) response.field(1, bytes);
  return response.finish();
}

function failure(message: string): Buffer {
  return new WireWriter().number(1, Status["NOT_FOUND"]).field(2, message).finish();
}
