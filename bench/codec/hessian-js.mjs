import hessian from "hessian.js";
import { User, values } from "./values.mjs";

const typed = (user) => ({
  $class: User.className,
  $: { ...user, id: { $class: "long", $: Number(user.id) } },
});
/** The same values with their classes, as its users write them; made before the measurement. */
const inputs = {
  user: typed(values.user.value),
  users: values.users.value.map(typed),
  text: values.text.value,
};

/** At its best: one encoder again and again, classes remembered from one decoder to the next. */
export function hessianCodec() {
  const classCache = new Map();
  const works = Object.entries(inputs).map(([name, value]) => {
    const encode = () => hessian.encode(value, "2.0");
    const bytes = encode();
    return [
      name,
      { encode, decode: () => hessian.decode(bytes, "2.0", { classCache }), bytes: bytes.length },
    ];
  });
  return Object.fromEntries(works);
}
