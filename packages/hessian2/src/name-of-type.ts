import type { JavaType } from "@dubbo-ts/rpc";

/** How a message calls a type: `User` for `org.example.User`, else its kind. */
export function nameOfType(type: JavaType): string {
  switch (type.kind) {
    case "nullable":
    case "transform":
      return nameOfType(type.type);
    case "lazy":
      return nameOfType(type.resolve());
    case "object":
    case "enum":
    case "throwable":
      return type.className.slice(type.className.lastIndexOf(".") + 1);
    default:
      return type.kind;
  }
}
