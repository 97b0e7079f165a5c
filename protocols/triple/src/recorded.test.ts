import { readFileSync } from "node:fs";
import { join } from "node:path";
import { echoMethod, genericMethod, type MethodDefinition } from "@dubbo-ts/rpc";
import { RecordedUserService } from "@dubbo-ts/testkit";
import { codecOf } from "./method-codec.js";

interface RecordedMessage {
  readonly file: string;
  /** `/interface/method`. */
  readonly path: string;
  readonly from: "consumer" | "provider";
  /** The message with its five bytes in front. */
  readonly hex: string;
}

/** Between two programs on Apache Dubbo for Java 3.3.6, in the order in which they were sent. */
const messages = JSON.parse(
  readFileSync(join(__dirname, "fixtures", "java-messages.json"), "utf8"),
) as RecordedMessage[];

const methods: Readonly<Record<string, MethodDefinition>> = {
  ...RecordedUserService.methods,
  $echo: echoMethod,
  $invoke: genericMethod,
};

const wrapped = messages
  .filter(({ file, path }) => file.startsWith("wrapped-") && path.includes("UserService"))
  .map(({ path, from, hex }) => ({
    name: path.slice(path.lastIndexOf("/") + 1),
    from,
    message: Buffer.from(hex, "hex").subarray(5),
  }));

describe("wrappers recorded between Java programs", () => {
  test("are read as the calls that were made", () => {
    const calls = wrapped
      .filter(({ from }) => from === "consumer")
      .map(({ name, message }) => [
        name,
        ...codecOf(methods[name] as MethodDefinition).decodeRequest(message).args,
      ]);
    expect(calls).toEqual([
      ["getUser", 1n],
      ["getUser", 1n],
      ["getUser", 2n],
      ["echoUser", expect.objectContaining({ id: 7n, boss: expect.objectContaining({ name: "user-1" }) })],
      ["echoUser", null],
      ["mapUsers", 3],
      ["whoami"],
      ["echo", "hello"],
      ["echo", ""],
      ["echo", null],
      ["addInt", 2_147_483_647, -2_147_483_648],
      ["addLong", 9_007_199_254_740_993n, 1n],
      ["half", 2.5],
      ["not", true],
      ["addDecimal", "12345678901234567890.10", "0.25"],
      ["plusDay", new Date(951_782_400_000)],
      ["flip", "MALE"],
      ["nothing"],
      ["fail", "checked"],
      ["fail", "runtime"],
      ["attachments"],
      ["$invoke", "getUser", ["long"], [2n]],
      ["$echo", "ping"],
    ]);
  });

  test("are written again byte for byte: every request, and every answer whose type is declared", () => {
    let compared = 0;
    for (const { name, from, message } of wrapped) {
      const codec = codecOf(methods[name] as MethodDefinition);
      // Of a generic call Java names the class of what came back, and $echo that of the value.
      if (from === "provider" && name.startsWith("$")) continue;
      const again =
        from === "consumer"
          ? codec.encodeRequest(codec.decodeRequest(message).args)
          : codec.encodeResponse(codec.decodeResponse(message), "hessian4");
      expect([name, from, again.toString("hex")]).toEqual([name, from, message.toString("hex")]);
      compared += 1;
    }
    expect(compared).toBe(42);
  });
});
