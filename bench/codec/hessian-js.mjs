import hessian from "hessian.js";
import { User, values } from "./values.mjs";

const typed = (value) => ({ $class: User.className, $: value });
/** The same values with their classes, as its users write them; made before the measurement. */
const inputs = {
  user: typed(values.user.value),
  users: values.users.value.map(typed),
  text: values.text.value,
};

/** As sofa-rpc-node uses it: compiled encoders and decoders, kept from call to call. */
export function hessianCodec() {
  const classCache = new Map();
  classCache.enableCompile = true;
  const works = Object.entries(inputs).map(([name, value]) => {
    const encode = () => hessian.encode(value, "2.0", undefined, undefined, { classCache });
    const plain = () => hessian.encode(value, "2.0");
    const bytes = plain();
    return [name, { encode: plain, decode: () => hessian.decode(bytes, "2.0", { classCache }), bytes: bytes.length, encode2: encode }];
  });
  return Object.fromEntries(works);
}
