// For users
export { JavaBigInteger, JavaDecimal, JavaObject, typed, TypedValue } from "./java-object.js";
export type { HessianLimits } from "./limits.js";
// For authors of protocols
export { HessianReader, type HessianReaderOptions } from "./hessian-reader.js";
export { HessianWriter, type HessianWriterOptions } from "./hessian-writer.js";
