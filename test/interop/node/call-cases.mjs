// The suite `calls` of the contract.
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { echo, hasCode } from "dubbo-ts";
import { retry } from "./retry.mjs";
import { InteropService, VersionedService } from "./services.mjs";

const same = assert.deepStrictEqual;

/** By name. References are made when first needed. */
export function callCases(app, protocol) {
  const settings = { protocol, check: false, timeoutMs: 8_000, retries: 0 };
  const made = new Map();
  const client = (definition, more = {}, probe = (service) => service.whoAmI()) => {
    const key = JSON.stringify([definition.serviceInterface ?? definition, more]);
    if (!made.has(key)) made.set(key, ready(definition, more, probe));
    return made.get(key);
  };
  async function ready(definition, more, probe) {
    const service = await app.refer(definition, { ...settings, ...more });
    await retry(() => probe(service), 10_000);
    return service;
  }
  const oneway = { methods: { inform: { oneway: true } } };
  const service = () => client(InteropService, oneway);
  const versioned = (group, version) => client(VersionedService, { group, version });
  const generic = () => client(InteropService.serviceInterface, {}, (one) => one.invoke("whoAmI", []));
  return {
    ...plainCases(service),
    ...objectCases(service),
    ...specialCases(service),
    "group-version": () => groupAndVersion(versioned),
    generic: () => genericCalls(generic),
  };
}

const longText = "x中".repeat(51_200);
const bytes = (length) => Uint8Array.from({ length }, (_, i) => (i * 31) & 255);

function plainCases(service) {
  const echoes =
    (method, ...values) =>
    async () => {
      for (const value of values) same(await (await service())[method](value), value);
    };
  return {
    "string.empty": echoes("echoString", ""),
    "string.long": echoes("echoString", longText),
    "string.astral": echoes("echoString", "a😀中 𝄞 é\u0000\n"),
    int: echoes("echoInt", -2147483648, 2147483647, 0, -1),
    long: echoes("echoLong", -9223372036854775808n, 9223372036854775807n, 0n, -1n),
    double: echoes("echoDouble", 0.1, -1e300, 5e-324),
    boolean: echoes("echoBoolean", true, false),
    async decimal() {
      same(await (await service()).add("0.1", "0.2"), "0.3");
      const sum = await (await service()).add("12345678901234567890.123456789", "0.000000001");
      same(sum, "12345678901234567890.123456790");
    },
    date: echoes("echoDate", ...[0, 1700000000123, -62135769600000].map((ms) => new Date(ms))),
    async enum() {
      for (const [color, next] of Object.entries({ RED: "GREEN", GREEN: "BLUE", BLUE: "RED" }))
        same(await (await service()).nextColor(color), next);
    },
    async bytes() {
      for (const sent of [bytes(1 << 20), bytes(0)])
        same(Buffer.compare(await (await service()).echoBytes(sent), sent), 0);
    },
  };
}

const address = (city) => ({ city, zip: `0${city.length}` });

function person(id, friend = null) {
  return {
    id: BigInt(id),
    name: `名字 ${id}`,
    age: 40,
    active: true,
    score: 0.25,
    color: "GREEN",
    balance: "12.30",
    born: new Date(1700000000123),
    photo: bytes(10),
    tags: ["a", "😀"],
    address: address("Köln"),
    addresses: [address("A"), address("B")],
    places: new Map([["home", address("Home")]]),
    friend,
  };
}

/** Bytes may come as a Buffer. */
function samePerson(seen, expected) {
  if (expected === null || seen === null) return same(seen, expected);
  same(
    { ...seen, photo: [...seen.photo], friend: 0 },
    { ...expected, photo: [...expected.photo], friend: 0 },
  );
  samePerson(seen.friend, expected.friend);
}

function tree() {
  const root = { name: "root", parent: null, children: [] };
  root.children = ["left", "right"].map((name) => ({ name, parent: root, children: null }));
  return root;
}

function objectCases(service) {
  return {
    async "pojo.nested"() {
      const sent = person(1, person(2, person(3)));
      samePerson(await (await service()).echoPerson(sent), sent);
    },
    async "pojo.nulls"() {
      const sent = { ...person(1), address: null, places: null, born: null };
      samePerson(await (await service()).echoPerson(sent), sent);
    },
    async "pojo.circular"() {
      const root = await (await service()).echoNode(tree());
      same(root.name, "root");
      same(
        root.children.map((child) => [child.name, child.parent === root]),
        [
          ["left", true],
          ["right", true],
        ],
      );
    },
    async "list.pojo"() {
      const twice = person(2);
      const sent = [person(1), twice, twice];
      const back = await (await service()).echoPeople(sent);
      same(back.length, 3);
      for (const [index, one] of sent.entries()) samePerson(back[index], one);
    },
    async "map.pojo"() {
      const sent = new Map([
        ["one", person(1)],
        ["二", person(2)],
      ]);
      const back = await (await service()).echoPlaces(sent);
      same(back.size, 2);
      for (const [key, one] of sent) samePerson(back.get(key), one);
    },
    async "list.empty"() {
      same(await (await service()).echoPeople([]), []);
    },
    async "null.argument"() {
      same(await (await service()).describe(null), "null");
      same(await (await service()).echoPerson(null), null);
    },
    async "null.result"() {
      same(await (await service()).findPerson(0n), null);
      same((await (await service()).findPerson(7n)).name, "p7");
    },
  };
}

function specialCases(service) {
  return {
    async void() {
      const token = randomUUID();
      same(await (await service()).touch(token), undefined);
      same(await (await service()).noted(token), true);
    },
    async "exception.checked"() {
      const { className, detail, fields } = await failure(await service(), "checked", "no 中文 left");
      same([className, detail], ["org.example.interop.OrderException", "no 中文 left"]);
      same([fields.code, fields.reason], [42, "out of stock"]);
    },
    async "exception.runtime"() {
      const error = await failure(await service(), "runtime", "line one\nline two");
      same([error.code, error.detail], ["REMOTE_EXCEPTION", "line one\nline two"]);
    },
    timeout: async () => timesOut(await service()),
    "attachment.request": async () => same((await attached(await service())).value, "v 1"),
    "attachment.response": async () => same((await attached(await service())).back, "got v 1"),
    async echo() {
      same(await echo(await service(), "anybody?"), "anybody?");
    },
    async oneway() {
      const token = randomUUID();
      await (await service()).inform(token);
      await retry(async () => same(await (await service()).noted(token), true), 10_000);
    },
  };
}

function failure(service, kind, message) {
  return service.fail(kind, message).then(
    (value) => assert.fail(`no exception but ${value}`),
    (error) => error,
  );
}

async function timesOut(service) {
  const beginMs = performance.now();
  const error = await service.slow(3_000, { timeoutMs: 500 }).catch((reason) => reason);
  assert(hasCode(error, "CALL_TIMEOUT"), `not a timeout: ${error}`);
  assert(performance.now() - beginMs < 2_000, "too late");
  same(await service.echoInt(1), 1);
}

async function attached(service) {
  let back;
  const value = await service.attachment("interop-key", {
    attachments: { "interop-key": "v 1" },
    onAttachments: (attachments) => (back = attachments.get("interop-answer")),
  });
  return { value, back };
}

async function groupAndVersion(versioned) {
  for (const [group, version] of [
    ["blue", "1.2.3"],
    ["green", "2.0.0"],
  ]) {
    const label = await (await versioned(group, version)).whoAmI();
    same(label.replace(/^\S+ /, ""), `${group} ${version}`);
  }
}

async function genericCalls(generic) {
  const service = await generic();
  const type = "org.example.interop.Person";
  const back = await service.invoke("echoPerson", [{ class: type, id: 9n, name: "Ada" }], {
    parameterTypes: [type],
  });
  same([back.name, String(back.id), back.class], ["Ada", "9", type]);
  const decimal = "java.math.BigDecimal";
  same(String(await service.invoke("add", ["0.1", "0.2"], { parameterTypes: [decimal, decimal] })), "0.3");
  const text = "java.lang.String";
  const error = await service
    .invoke("fail", ["checked", "no"], { parameterTypes: [text, text] })
    .catch((reason) => reason);
  same(
    [error.code, error.className, error.detail],
    ["REMOTE_EXCEPTION", "org.example.interop.OrderException", "no"],
  );
}
