import { HessianReader, HessianWriter } from "@dubbo-ts/hessian2";
import { values } from "./values.mjs";

/** Used as the protocol uses it: one writer again and again, a reader for each body. */
export function dubboCodec() {
  const writer = new HessianWriter();
  const works = Object.entries(values).map(([name, { type, value }]) => {
    const encode = () => {
      writer.reset();
      writer.write(type, value);
      return writer.finish();
    };
    const bytes = Buffer.from(encode());
    return [name, { encode, decode: () => new HessianReader(bytes).read(type), bytes: bytes.length }];
  });
  return Object.fromEntries(works);
}
