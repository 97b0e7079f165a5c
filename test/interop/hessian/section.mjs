import { existsSync, readFileSync } from "node:fs";

const file = new URL("result.json", import.meta.url);

/** The part of docs/compatibility.md about Hessian: paragraphs, none before the first comparison. */
export function hessianSection() {
  if (!existsSync(file)) return [];
  const { date, seed, fromJava, fromNode } = JSON.parse(readFileSync(file, "utf8"));
  const number = (value) => value.toLocaleString("en");
  return [
    "## Hessian 2, value by value",
    `Seeded random values (seed ${seed}) beside Java's own library, \`org.apache.dubbo:hessian-lite\` 4.0.4, the one of Dubbo 3.3.6, both ways: what is read
must be equal, or refused with a typed error. Last run: ${date}. The values: null, booleans, ints and longs at every boundary of the encoding, doubles in all
compact forms and special ones, floats, strings with characters beyond 16 bits and lone surrogates and at the boundaries of chunks, bytes likewise, dates in
ms and minutes, BigDecimal, BigInteger, enums, lists and sets and maps of many classes, keys that are no text, arrays of primitives and objects in one and two
dimensions, objects with a field of every type, shared and circular ones, exceptions with fields and causes, java.time, UUID, URI, Locale, Class, Currency,
java.sql, Calendar, atomics, BitSet, EnumSet, InetAddress. A part of what Java wrote is in the repository and is read by the unit tests everywhere.`,
    [
      "| | values | kinds | compared | differ | refused | same bytes |",
      "| --- | --- | --- | --- | --- | --- | --- |",
      `| written by Java, read here, written again, read by Java | ${number(fromJava.values)} | ${fromJava.kinds} | ${number(fromJava.checks)} | ${fromJava.different} | ${fromJava.refused} | ${number(fromJava.identical)} of ${number(fromJava.typed)} of declared types |`,
      `| written here, read by Java, written again, read here | ${number(fromNode.values)} | ${fromNode.kinds} | ${number(fromNode.checks)} | ${fromNode.different} | ${fromNode.refused} | ${number(fromNode.identical)} of ${number(fromNode.values)} |`,
    ].join("\n"),
    "Refused are NaN where `java.any()` is declared, and two keys of a map, or members of a set, that differ in JavaScript and are equal to Java: two Dates of one time.",
    `What one side cannot carry, and what to do:`,
    [
      "| what | whose | instead |",
      "| --- | --- | --- |",
      "| a class with a primitive `float` field: Java's reader puts the eight bytes of a double over the four of the field and what follows, so that the value is lost, a neighbour changes, or the JVM crashes; Java to Java as well | hessian-lite 4.0.4 | `double`, or `Float` |",
      "| `-0.0` as a double: Java writes `0.0` | hessian-lite | |",
      "| `java.util.Optional`, and what else is not Serializable: Java refuses to write it | hessian-lite | the value, or null |",
      "| an Iterator or Enumeration with elements: Java refuses to read what it wrote; it is an array here | hessian-lite | a list |",
      "| a whole Double where `java.any()` is declared is a number here, and goes back as an Integer or a Long | JavaScript | declare the type, or `typed(java.double(), 1)` |",
      "| `-0` where `java.any()` is declared goes out as the Integer 0 | this project | `typed(java.double(), -0)` |",
      "| the class of a list, set, map or array where `java.any()` is declared: it goes back as ArrayList, HashSet, HashMap | this project | declare the type |",
      "| an object that stands both where its type is declared and where `java.any()` is, comes as two equal ones | this project | declare both |",
      "| stack traces and suppressed exceptions | this project | |",
    ].join("\n"),
  ];
}
