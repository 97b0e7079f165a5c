import { descriptorOf, type JavaType } from "@dubbo-ts/rpc";

const primitives: Readonly<Record<string, string>> = {
  Z: "boolean",
  B: "byte",
  C: "char",
  S: "short",
  I: "int",
  J: "long",
  F: "float",
  D: "double",
};

/** The classes that Java calls by another name there (ArraySerializer.java). */
const shortNames: Readonly<Record<string, string>> = {
  "java.lang.String": "string",
  "java.lang.Object": "object",
  "java.util.Date": "date",
};

/** The type of a Java array on the wire: `[int`, `[string`, `[org.example.User`, `[[int`. */
export function typeOfArray(element: JavaType): string {
  return `[${nameOf(descriptorOf(element))}`;
}

function nameOf(descriptor: string): string {
  if (descriptor.startsWith("[")) return `[${nameOf(descriptor.slice(1))}`;
  if (!descriptor.startsWith("L")) return primitives[descriptor] as string;
  const className = descriptor.slice(1, -1).replaceAll("/", ".");
  return shortNames[className] ?? className;
}
