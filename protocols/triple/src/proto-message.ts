import { type JavaType, messageType } from "@dubbo-ts/rpc";
import protobuf from "protobufjs";
import protojson from "protobufjs/ext/protojson.js";
import { type Misfit, problemIn } from "./proto-check.js";

/** How messages look in the program. */
const objectForm: protobuf.IConversionOptions = {
  longs: BigInt,
  enums: String,
  defaults: true,
};

/**
 * A message type as the program sees it: plain objects; 64-bit numbers as bigint, enums by their names, bytes as
 * Buffer, maps as objects; what was not sent has its default, a message that was not sent is null, and the
 * alternatives of a `oneof` that were not chosen, like `optional` fields, are left out.
 */
export function protoMessage<T>(type: protobuf.Type): JavaType<T> {
  const className = type.fullName.slice(1);
  const convert = needsConversion(type, new Set());
  const decode = (bytes: Uint8Array): unknown => type.toObject(type.decode(bytes), objectForm);
  return messageType<T>({
    className,
    encode: (value) => {
      const fields = value as Record<string, unknown>;
      return type.encode(convert ? type.fromObject(fields) : fields).finish();
    },
    decode,
    problemIn: (value): Misfit | undefined => problemIn(type, value),
    toJson: (value): unknown => protojson.toJson(type, type.fromObject(value as Record<string, unknown>)),
    fromJson: (json): unknown => type.toObject(protojson.fromJson(type, json), objectForm),
  });
}

/** True when a plain object is not yet what protobufjs writes: 64 bits, enums, Any and what contains them. */
function needsConversion(type: protobuf.Type, visited: Set<protobuf.Type>): boolean {
  if (visited.has(type)) return false;
  visited.add(type);
  if (type.fullName.startsWith(".google.protobuf.")) return true;
  return type.fieldsArray.some((field) => {
    field.resolve();
    if (field.map || field.type.endsWith("64")) return true;
    if (field.resolvedType instanceof protobuf.Enum) return true;
    return field.resolvedType instanceof protobuf.Type && needsConversion(field.resolvedType, visited);
  });
}
