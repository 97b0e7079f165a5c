import type { ServiceError } from "@grpc/grpc-js";
import { endpointText, parseEndpoints, shuffled } from "./endpoints.js";
import { callError, canceledError, type EtcdError, isEtcdError } from "./errors.js";
import { keyValue, sameWriting, wireRange } from "./key-value.js";
import { operationResult, wireCompare, wireOperation } from "./txn.js";
import { methods } from "./wire.js";

const text = (value: string) => Buffer.from(value, "utf8");

describe("messages", () => {
  test("have the bytes that etcd's proto files say", () => {
    // 0a key, 12 range_end, 18 limit, 20 revision
    expect(
      methods.range
        .encode({ key: text("a/"), rangeEnd: text("a0"), limit: 5n, revision: 2n ** 62n })
        .toString("hex"),
    ).toBe("0a02612f12026130180520808080808080808040");
    expect(methods.put.encode({ key: text("k"), value: text("v"), lease: -1n }).toString("hex")).toBe(
      "0a016b12017618ffffffffffffffffff01",
    );
    // 0a create_request { 0a key 18 start_revision 20 progress_notify 40 fragment }
    expect(
      methods.watch
        .encode({
          createRequest: { key: text("k"), startRevision: 3n, progressNotify: true, fragment: true },
        })
        .toString("hex"),
    ).toBe("0a090a016b180320014001");
    expect(methods.watch.encode({ cancelRequest: { watchId: 7n } }).toString("hex")).toBe("12020807");
    expect(methods.leaseGrant.path).toBe("/etcdserverpb.Lease/LeaseGrant");
    expect(methods.leaseGrant.encode({ TTL: 15n }).toString("hex")).toBe("080f");
    expect(methods.status.encode({}).length).toBe(0);
  });

  test("keep all 64 bits, and give defaults for what is absent", () => {
    // header { 08 cluster_id (2^64-1), 18 revision 9 }, kv { 0a key, 28 nothing, 30 lease 2^60 }
    const bytes = Buffer.from("0a0d08ffffffffffffffffff011809120d0a016b30808080808080808010", "hex");
    const { header, kvs, more, count } = methods.range.decode(bytes);
    expect(header).toEqual({ clusterId: 2n ** 64n - 1n, memberId: 0n, revision: 9n, raftTerm: 0n });
    expect(kvs.map(keyValue)).toEqual([
      {
        key: "k",
        value: Buffer.alloc(0),
        createRevision: 0n,
        modRevision: 0n,
        version: 0n,
        lease: 2n ** 60n,
      },
    ]);
    expect([more, count]).toEqual([false, 0n]);
    expect(() => methods.range.decode(Buffer.from("ff", "hex"))).toThrow();
    const canceled = methods.watch.decode(Buffer.from("100118012001280732016e", "hex"));
    expect(canceled).toMatchObject({
      watchId: 1n,
      created: true,
      canceled: true,
      compactRevision: 7n,
      cancelReason: "n",
      events: [],
    });
  });

  test("of transactions say what to compare and what to do", () => {
    expect(wireCompare({ key: "k", modRevision: 0n })).toEqual({
      result: 0,
      key: text("k"),
      target: 2,
      modRevision: 0n,
    });
    expect(
      [
        wireCompare({ key: "k", is: "greater", version: 1n }),
        wireCompare({ key: "k", is: "less", createRevision: 1n }),
        wireCompare({ key: "k", is: "different", value: "v" }),
        wireCompare({ key: "k", lease: 5n }),
      ].map(({ result, target }) => [result, target]),
    ).toEqual([
      [1, 0],
      [2, 1],
      [3, 3],
      [0, 4],
    ]);
    expect(wireOperation({ type: "delete", range: { prefix: "a/" } })).toEqual({
      requestDeleteRange: { key: text("a/"), rangeEnd: text("a0") },
    });
    expect(operationResult({})).toEqual({ type: "put" });
  });
});

describe("ranges", () => {
  test("cover what is below a prefix, and nothing that only begins alike", () => {
    const { key, rangeEnd } = wireRange({ prefix: "/services/demo/" });
    const within = (name: string) =>
      text(name).compare(key) >= 0 && text(name).compare(rangeEnd ?? text("")) < 0;
    expect(["/services/demo/a", "/services/demo/ü", "/services/demo/"].map(within)).toEqual([
      true,
      true,
      true,
    ]);
    expect(["/services/demo-2/a", "/services/demo", "/services/demo0"].map(within)).toEqual([
      false,
      false,
      false,
    ]);
    expect(wireRange({ key: "/a" })).toEqual({ key: text("/a") });
  });

  test("refuse an empty key and a prefix without its slash", () => {
    for (const range of [{ key: "" }, { prefix: "" }, { prefix: "/services/demo" }])
      expect(() => wireRange(range)).toThrow(expect.objectContaining({ code: "INVALID_ARGUMENT" }));
  });

  test("a writing is the same only when nothing about it differs", () => {
    const one = {
      key: "k",
      value: text("v"),
      createRevision: 1n,
      modRevision: 2n,
      version: 2n,
      lease: 0n,
    };
    expect(sameWriting(one, { ...one, value: text("v") })).toBe(true);
    for (const other of [{ value: text("w") }, { modRevision: 3n }, { createRevision: 2n }, { lease: 1n }])
      expect(sameWriting(one, { ...one, ...other })).toBe(false);
  });
});

describe("endpoints", () => {
  test("are read with and without scheme and port, IPv6 in brackets", () => {
    expect(parseEndpoints("h1:2379, h2,[::1]:2380")).toEqual({
      endpoints: [
        { host: "h1", port: 2379 },
        { host: "h2", port: 2379 },
        { host: "::1", port: 2380 },
      ],
      tls: false,
    });
    expect(parseEndpoints(["https://a:1", "HTTPS://b:2/"])).toMatchObject({ tls: true });
    expect(parseEndpoints("http://a:1")).toMatchObject({ tls: false, endpoints: [{ host: "a", port: 1 }] });
    expect(endpointText({ host: "::1", port: 2 })).toBe("[::1]:2");
  });

  test("that cannot be read are refused without the password in them", () => {
    for (const wrong of [
      "",
      " , ",
      "h:0",
      "h:65536",
      "h:x",
      "ftp://h",
      "alice:geheim@h:1",
      ["https://a", "b"],
    ]) {
      expect(() => parseEndpoints(wrong)).toThrow(expect.objectContaining({ code: "ADDRESS_INVALID" }));
      expect(() => parseEndpoints(wrong)).not.toThrow(/geheim/);
    }
  });

  test("are tried in random order", () => {
    expect(shuffled([1, 2, 3], () => 0)).toEqual([1, 2, 3]);
    expect(shuffled([1, 2, 3], () => 0.99)).toEqual([3, 2, 1]);
  });
});

test("what the server and Node say becomes a code", () => {
  const said = (code: number, details: string) =>
    callError("h:1", Object.assign(new Error(details), { code, details }) as ServiceError).code;
  const noConnection = (why: string) =>
    `No connection established. Last error: ${why} (2026-01-01T00:00:00.000Z). Resolution note: `;
  const cases: [number, string, EtcdError["code"]][] = [
    [14, "etcdserver: no leader", "UNAVAILABLE"],
    [14, noConnection("Error: connect ECONNREFUSED 127.0.0.1:1"), "UNAVAILABLE"],
    [14, noConnection("Protocol error"), "NOT_ETCD"],
    [14, noConnection("Error: self-signed certificate"), "TLS_FAILED"],
    [12, "unknown service etcdserverpb.Maintenance", "NOT_ETCD"],
    [16, "etcdserver: invalid auth token", "AUTH_FAILED"],
    [3, "etcdserver: user name is empty", "AUTH_FAILED"],
    [3, "etcdserver: authentication failed, invalid user ID or password", "AUTH_FAILED"],
    [3, "etcdserver: revision of auth store is old", "AUTH_FAILED"],
    [7, "etcdserver: permission denied", "PERMISSION_DENIED"],
    [5, "etcdserver: requested lease not found", "LEASE_NOT_FOUND"],
    [11, "etcdserver: mvcc: required revision has been compacted", "COMPACTED"],
    [3, "etcdserver: request is too large", "TOO_LARGE"],
    [8, "grpc: received message larger than max (3 vs. 2)", "TOO_LARGE"],
    [8, "etcdserver: mvcc: database space exceeded", "NO_SPACE"],
    [8, "etcdserver: too many requests", "UNAVAILABLE"],
    [3, "etcdserver: key is not provided", "INVALID_ARGUMENT"],
    [2, "something new", "SERVER_ERROR"],
    [2, "", "SERVER_ERROR"],
  ];
  for (const [code, details, expected] of cases)
    expect([details, said(code, details)]).toEqual([details, expected]);
  expect(canceledError("h:1", "etcdserver: permission denied").code).toBe("PERMISSION_DENIED");
  expect(canceledError("h:1", "etcdserver: no leader").code).toBe("UNAVAILABLE");
  expect(canceledError("h:1", "").code).toBe("SERVER_ERROR");
  const failed = callError(
    "h:1",
    Object.assign(new Error(), {
      code: 14,
      details: noConnection("Error: connect ECONNREFUSED 127.0.0.1:1"),
    }) as never,
  );
  expect(failed.message).toBe("h:1: connect ECONNREFUSED 127.0.0.1:1");
  expect([
    isEtcdError(failed, "UNAVAILABLE"),
    isEtcdError(failed, "TIMEOUT"),
    isEtcdError(1, "TIMEOUT"),
  ]).toEqual([true, false, false]);
});
