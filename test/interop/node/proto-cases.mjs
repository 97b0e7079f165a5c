// The suite `proto` of the contract.
import assert from "node:assert/strict";
import { hasCode } from "dubbo-ts";
import { retry } from "./retry.mjs";
import { InteropProto } from "./services.mjs";

const same = assert.deepStrictEqual;
const noBytes = Buffer.alloc(0);
const item = (text, number = 0n, blob = noBytes) => ({ text, number: BigInt(number), blob });
const plain = ({ text, number, blob }) => ({ text, number, blob: Buffer.from(blob) });

/** By name. The reference is made when first needed. */
export function protoCases(app) {
  let made;
  const service = () => (made ??= ready());
  async function ready() {
    const options = { protocol: "tri", check: false, timeoutMs: 8_000, retries: 0 };
    const client = await app.refer(InteropProto, options);
    await retry(() => client.WhoAmI({}), 10_000);
    return client;
  }
  const all = { ...unaryCases, ...streamCases, ...statusCases };
  return Object.fromEntries(
    Object.entries(all).map(([name, run]) => [name, async () => run(await service())]),
  );
}

const bytes = (length) => Buffer.from(Uint8Array.from({ length }, (_, i) => (i * 31) & 255));

const unaryCases = {
  unary: (service) => unary(service, item("a😀中", -9007199254740993n, bytes(10))),
  "unary.large": (service) => unary(service, item("", -1n, bytes(1 << 20))),
  async deadline(service) {
    const beginMs = performance.now();
    const error = await service.Slow({ ms: 3_000 }, { timeoutMs: 500 }).catch((reason) => reason);
    assert(hasCode(error, "CALL_TIMEOUT"), `not a timeout: ${error}`);
    assert(performance.now() - beginMs < 2_000, "too late");
    await unary(service, item("t", 1n));
  },
  "metadata.request": async (service) => same((await meta(service)).value, "v 1"),
  "metadata.response": async (service) => same((await meta(service)).back, "got v 1"),
};

async function unary(service, sent) {
  same(plain(await service.Unary(sent)), sent);
}

async function meta(service) {
  let back;
  const { text } = await service.Meta(
    { text: "interop-key" },
    {
      attachments: { "interop-key": "v 1" },
      onAttachments: (attachments) => (back = attachments.get("interop-answer")),
    },
  );
  return { value: text, back };
}

const streamCases = {
  "stream.server": (service) => serverStream(service, 5),
  "stream.server.empty": (service) => serverStream(service, 0),
  async "stream.client"(service) {
    const summary = await service.ClientStream(numbered(4));
    same([summary.count, summary.sum, summary.joined], [4, 6n, "t0,t1,t2,t3"]);
  },
  async "stream.bidi"(service) {
    const turns = new Turns();
    const seen = [];
    for await (const answer of service.Bidi(turns.items(5))) {
      seen.push(plain(answer));
      turns.next();
    }
    same(
      seen,
      [0, 1, 2, 3, 4].map((i) => item(`t${i}`, i)),
    );
  },
};

async function serverStream(service, count) {
  const seen = [];
  for await (const one of service.ServerStream({ count, text: "t" })) seen.push(plain(one));
  same(
    seen,
    Array.from({ length: count }, (_, i) => item(`t-${i}`, i)),
  );
}

async function* numbered(count) {
  for (let i = 0; i < count; i += 1) yield item(`t${i}`, i);
}

/** Lets an item go only after the answer to the one before. */
class Turns {
  #answered = () => {};

  async *items(count) {
    for await (const one of numbered(count)) {
      const answered = new Promise((resolve) => (this.#answered = resolve));
      yield one;
      await answered;
    }
  }

  next() {
    this.#answered();
  }
}

const statusCases = {
  async "status.code"(service) {
    await failsWith(service, 3, "bad argument");
    await failsWith(service, 5, "not here");
  },
  "status.newline": (service) => failsWith(service, 9, "line one\nline two"),
  "status.cjk": (service) => failsWith(service, 9, "库存不足 😀"),
  async "status.late"(service) {
    const seen = [];
    const error = await (async () => {
      for await (const { text } of service.FailLate({ code: 10, message: "changed" })) seen.push(text);
    })().catch((reason) => reason);
    same(seen, ["first"]);
    sameStatus(error, 10, "changed");
  },
};

async function failsWith(service, code, message) {
  const error = await service.Fail({ code, message }).catch((reason) => reason);
  sameStatus(error, code, message);
}

function sameStatus(error, code, message) {
  assert(hasCode(error, "REMOTE_EXCEPTION"), `not a status: ${error}`);
  same([error.fields.code, error.detail], [code, message]);
}
