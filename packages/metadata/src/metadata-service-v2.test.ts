import { readFileSync } from "node:fs";
import { join } from "node:path";
import { decodeMetadata, emptyRevision, revisionOf, serviceKey } from "@dubbo-ts/core";
import { type JavaType, type MessageNode, WireWriter } from "@dubbo-ts/rpc";
import {
  metadataServiceV2,
  metadataServiceV2Definition,
  metadataServiceV2Key,
} from "./metadata-service-v2.js";
import { MetadataStore } from "./metadata-store.js";

const { params, result } = metadataServiceV2Definition.methods.GetMetadataInfo;
const request = params[0] as JavaType & MessageNode;
const info = result as JavaType & MessageNode;

test("a request is the revision (app-level discovery 6.3)", () => {
  expect(Buffer.from(request.encode({ revision: "abc" })).toString("hex")).toBe("0a03616263");
  expect(request.decode(Buffer.from("0a03616263", "hex"))).toEqual({ revision: "abc" });
});

test("metadata travels with its ports, and absent texts are left out", () => {
  const store = new MetadataStore();
  const key = serviceKey("org.example.Greeter", { group: "g" });
  const services = new Map([
    ["g/org.example.Greeter:tri", { key, protocol: "tri", port: 50051, params: { side: "provider" } }],
  ]);
  store.offer({ application: "shop", revision: "r1", services });
  const answer = metadataServiceV2(store).GetMetadataInfo({ revision: "r1" });
  const decoded = info.decode(info.encode(answer));
  expect(decoded).toEqual({
    app: "shop",
    revision: "r1",
    services: new Map([
      [
        "g/org.example.Greeter:tri",
        {
          name: "org.example.Greeter",
          group: "g",
          version: "",
          protocol: "tri",
          port: 50051,
          path: "org.example.Greeter",
          params: new Map([["side", "provider"]]),
        },
      ],
    ]),
  });
  expect(metadataServiceV2Key("shop")).toMatchObject({ group: "shop", version: "2.0.0" });
});

test("dubbo-go's answer, without ports and with a tag, is read", () => {
  const service = new WireWriter().field(1, "a").field(4, "tri").field(6, "a").finish();
  const entry = new WireWriter().field(1, "a:tri").field(2, service).finish();
  const bytes = new WireWriter().field(1, "app").field(2, "r1").field(3, entry).field(4, "a tag").finish();
  expect(info.decode(bytes)).toMatchObject({
    app: "app",
    revision: "r1",
    services: new Map([
      [
        "a:tri",
        { name: "a", protocol: "tri", port: 0, path: "a", group: "", version: "", params: new Map() },
      ],
    ]),
  });
});

test("what a Java consumer asked and a Java provider answered is read, down to the same revision", () => {
  const recorded = JSON.parse(readFileSync(join(__dirname, "fixtures", "java-metadata-v2.json"), "utf8")) as {
    readonly request: string;
    readonly answer: string;
  };
  const revision = "2451a1e469dd1d285b820b8068fcabd7";
  expect(request.decode(Buffer.from(recorded.request, "hex"))).toEqual({ revision });
  expect(Buffer.from(request.encode({ revision })).toString("hex")).toBe(recorded.request);
  const answer = info.decode(Buffer.from(recorded.answer, "hex"));
  const { application, services } = decodeMetadata("java-tri", revision, answer);
  expect([...services.keys()]).toEqual(["org.example.interop.UserService:tri", "interop.v1.Greeter:tri"]);
  expect(revisionOf(application, services.values())).toBe(revision);
});

test("an unknown revision is NOT_FOUND", () => {
  const ask = () => metadataServiceV2(new MetadataStore()).GetMetadataInfo({ revision: emptyRevision });
  expect(ask).toThrow(expect.objectContaining({ fields: { status: "NOT_FOUND", code: 5 } }) as Error);
});
