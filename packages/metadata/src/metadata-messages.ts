import { type JavaType, messageType, WireReader, WireWriter } from "@dubbo-ts/rpc";
import type { ServiceInfoRecord } from "./metadata-service.js";

/** `MetadataRequest` of MetadataServiceV2. */
export interface MetadataRequestV2 {
  readonly revision: string;
}

/** `MetadataInfoV2`, in the words of V1: its field `version` is the revision (app-level discovery 6.3). */
export interface MetadataInfoV2 {
  readonly app: string;
  readonly revision: string;
  readonly services: ReadonlyMap<string, ServiceInfoRecord>;
}

/** 1: revision. */
export const metadataRequest: JavaType<MetadataRequestV2> = messageType({
  className: "org.apache.dubbo.metadata.MetadataRequest",
  encode: (value) => new WireWriter().field(1, (value as MetadataRequestV2).revision).finish(),
  decode: (bytes) => {
    let revision = "";
    for (const reader = readerOf(bytes); reader.next(); ) if (reader.field === 1) revision = reader.text();
    return { revision };
  },
  problemIn: (value) => textProblem(value, "revision"),
  toJson: (value) => value,
  fromJson: (json) => {
    const { revision = "" } = (json ?? {}) as Partial<MetadataRequestV2>;
    return { revision: String(revision) };
  },
});

/** 1: app, 2: version, 3: services; dubbo-go's 4, tag, is not read. */
export const metadataInfo: JavaType<MetadataInfoV2> = messageType({
  className: "org.apache.dubbo.metadata.MetadataInfoV2",
  encode: (value) => encodeInfo(value as MetadataInfoV2),
  decode: decodeInfo,
  problemIn: (value) => textProblem(value, "app"),
  toJson: (value) => {
    const { app, revision, services } = value as MetadataInfoV2;
    const infos = [...services].map(([name, info]) => [
      name,
      { ...info, params: Object.fromEntries(info.params) },
    ]);
    return { app, version: revision, services: Object.fromEntries(infos) };
  },
  fromJson: () => {
    throw new Error("an answer is not read from JSON");
  },
});

function textProblem(value: unknown, name: string) {
  const text = (value as Readonly<Record<string, unknown>> | null)?.[name];
  return typeof text === "string" ? undefined : { path: `.${name}`, why: "expected string" };
}

function readerOf(bytes: Uint8Array): WireReader {
  return new WireReader(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length));
}

function encodeInfo({ app, revision, services }: MetadataInfoV2): Buffer {
  const writer = new WireWriter().field(1, app).field(2, revision);
  for (const [name, info] of services)
    writer.field(3, new WireWriter().field(1, name).field(2, encodeService(info)).finish());
  return writer.finish();
}

/** 1: name, 2: group, 3: version, 4: protocol, 5: port, 6: path, 7: params. Absent texts are left out. */
function encodeService({ name, group, version, protocol, port, path, params }: ServiceInfoRecord): Buffer {
  const writer = new WireWriter().field(1, name);
  if (group) writer.field(2, group);
  if (version) writer.field(3, version);
  writer.field(4, protocol).number(5, Math.max(0, port)).field(6, path);
  for (const [key, value] of params) writer.field(7, new WireWriter().field(1, key).field(2, value).finish());
  return writer.finish();
}

function decodeInfo(bytes: Uint8Array): MetadataInfoV2 {
  let app = "";
  let revision = "";
  const services = new Map<string, ServiceInfoRecord>();
  for (const reader = readerOf(bytes); reader.next(); ) {
    if (reader.field === 1) app = reader.text();
    else if (reader.field === 2) revision = reader.text();
    else if (reader.field === 3) {
      const [name, info] = decodeEntry(reader.bytes());
      services.set(name, decodeService(info));
    }
  }
  return { app, revision, services };
}

/** An entry of a map: 1: key, 2: value. */
function decodeEntry(bytes: Buffer): readonly [string, Buffer] {
  let key = "";
  let value: Buffer = Buffer.alloc(0);
  for (const reader = new WireReader(bytes); reader.next(); ) {
    if (reader.field === 1) key = reader.text();
    else if (reader.field === 2) value = reader.bytes();
  }
  return [key, value];
}

function decodeService(bytes: Buffer): ServiceInfoRecord {
  const texts: string[] = [];
  const params = new Map<string, string>();
  let port = 0;
  for (const reader = new WireReader(bytes); reader.next(); ) {
    if (reader.field === 5) port = reader.number();
    else if (reader.field === 7) {
      const [key, value] = decodeEntry(reader.bytes());
      params.set(key, value.toString("utf8"));
    } else if (reader.field <= 6) texts[reader.field] = reader.text();
  }
  const [, name = "", group = "", version = "", protocol = "", , path = ""] = texts;
  return { name, group, version, protocol, port, path, params };
}
