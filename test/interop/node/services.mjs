// The services of the contract (../README.md), as a program of dubbo-ts defines and implements them.
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { statusException } from "@dubbo-ts/protocol-triple";
import { callContext, defineService, java, lazy, loadProto, method, RemoteException } from "dubbo-ts";

const named = (name) => `org.example.interop.${name}`;
const text = java.string().nullable();

const Color = java.enum(named("Color"), ["RED", "GREEN", "BLUE"]);
const Address = java.object(named("Address"), { city: text, zip: text });
const Person = java.object(named("Person"), {
  id: java.long(),
  name: text,
  age: java.int(),
  active: java.boolean(),
  score: java.double(),
  color: Color.nullable(),
  balance: java.decimal().nullable(),
  born: java.date().nullable(),
  photo: java.bytes().nullable(),
  tags: java.list(java.string()).nullable(),
  address: Address.nullable(),
  addresses: java.list(Address).nullable(),
  places: java.map(java.string(), Address).nullable(),
  friend: lazy(() => Person).nullable(),
});
const Node = java.object(named("Node"), {
  name: text,
  parent: lazy(() => Node).nullable(),
  children: java.list(lazy(() => Node)).nullable(),
});

export const InteropService = defineService(named("InteropService"), {
  echoString: method([java.string()], java.string()),
  echoInt: method([java.int()], java.int()),
  echoLong: method([java.long()], java.long()),
  echoDouble: method([java.double()], java.double()),
  echoBoolean: method([java.boolean()], java.boolean()),
  add: method([java.decimal(), java.decimal()], java.decimal()),
  echoDate: method([java.date()], java.date()),
  nextColor: method([Color], Color),
  echoPerson: method([Person.nullable()], Person.nullable()),
  echoNode: method([Node], Node),
  echoPeople: method([java.list(Person)], java.list(Person)),
  echoPlaces: method([java.map(java.string(), Person)], java.map(java.string(), Person)),
  findPerson: method([java.long()], Person.nullable()),
  describe: method([text], java.string()),
  touch: method([java.string()], java.void()),
  echoBytes: method([java.bytes()], java.bytes()),
  fail: method([java.string(), java.string()], java.string()),
  slow: method([java.int()], java.string()),
  attachment: method([java.string()], java.string()),
  inform: method([java.string()], java.void()),
  noted: method([java.string()], java.boolean()),
  whoAmI: method([], java.string()),
});
export const VersionedService = defineService(named("VersionedService"), {
  whoAmI: method([], java.string()),
});
export const ExtraService = defineService(named("ExtraService"), { whoAmI: method([], java.string()) });
export const { InteropProto } = await loadProto(
  fileURLToPath(new URL("../proto/interop.proto", import.meta.url)),
);

/** By the names of their interfaces. */
export const definitions = Object.fromEntries(
  [InteropService, VersionedService, ExtraService, InteropProto].map((one) => [one.serviceInterface, one]),
);

/** What a provider with this label serves for `{ interface, group, version }`. */
export function implementationOf({ interface: name, group, version }, label) {
  if (name === InteropService.serviceInterface) return interopService(label);
  if (name === InteropProto.serviceInterface) return interopProto(label);
  if (name === ExtraService.serviceInterface) return { whoAmI: () => label };
  return { whoAmI: () => `${label} ${group} ${version}` };
}

function interopService(label) {
  const notes = new Set();
  const same = (value) => value;
  const colors = { RED: "GREEN", GREEN: "BLUE", BLUE: "RED" };
  return {
    echoString: same,
    echoInt: same,
    echoLong: same,
    echoDouble: same,
    echoBoolean: same,
    add: addDecimals,
    echoDate: same,
    nextColor: (color) => colors[color],
    echoPerson: same,
    echoNode: same,
    echoPeople: same,
    echoPlaces: same,
    findPerson: (id) => (id === 0n ? null : unnamed(id)),
    describe: (value) => (value === null ? "null" : `text:${value}`),
    touch: (value) => void notes.add(value),
    echoBytes: same,
    fail(kind, message) {
      if (kind === "runtime") throw new RemoteException("java.lang.IllegalStateException", message);
      throw new RemoteException(named("OrderException"), message, { code: 42, reason: "out of stock" });
    },
    slow,
    attachment: answerAttachment,
    inform: (value) => void notes.add(value),
    noted: (value) => notes.has(value),
    whoAmI: () => label,
  };
}

const unnamed = (id) => ({ id, name: `p${id}`, age: 0, active: false, score: 0 });

async function slow(ms) {
  await sleep(ms);
  return "slept";
}

function answerAttachment(key) {
  const { attachments, responseAttachments } = callContext();
  const value = attachments.get(key);
  responseAttachments.set("interop-answer", `got ${value}`);
  return value ?? "";
}

/** As Java's BigDecimal: the scale of the finer of the two. Java writes `1E-9` for small ones. */
function addDecimals(left, right) {
  const values = [left, right].map((text) => {
    const [, whole, part = "", exponent = "0"] = /^([+-]?\d+)(?:\.(\d*))?(?:E([+-]?\d+))?$/.exec(text);
    return { digits: BigInt(whole + part), scale: part.length - Number(exponent) };
  });
  const scale = Math.max(0, ...values.map((value) => value.scale));
  const sum = values.reduce((total, value) => total + value.digits * 10n ** BigInt(scale - value.scale), 0n);
  const digits = String(sum).padStart(scale + 1, "0");
  return scale === 0 ? digits : `${digits.slice(0, -scale)}.${digits.slice(-scale)}`;
}

const statuses = { 3: "INVALID_ARGUMENT", 5: "NOT_FOUND", 9: "FAILED_PRECONDITION", 10: "ABORTED" };
const failed = ({ code, message }) => statusException(statuses[code], message);

function interopProto(label) {
  return {
    Unary: (item) => item,
    async *ServerStream({ count, text }) {
      for (let i = 0; i < count; i += 1) yield { text: `${text}-${i}`, number: BigInt(i) };
    },
    async ClientStream(items) {
      const texts = [];
      let sum = 0n;
      for await (const { text, number } of items) {
        texts.push(text);
        sum += number;
      }
      return { count: texts.length, sum, joined: texts.join(",") };
    },
    async *Bidi(items) {
      yield* items;
    },
    Fail(failure) {
      throw failed(failure);
    },
    async *FailLate(failure) {
      yield { text: "first" };
      throw failed(failure);
    },
    Slow: async ({ ms }) => ({ text: await slow(ms) }),
    Meta: ({ text }) => ({ text: answerAttachment(text) }),
    WhoAmI: () => ({ text: label }),
  };
}
