import { WireReader, WireWriter } from "@dubbo-ts/rpc";

/** The trailer that carries a google.rpc.Status with details. */
export const detailsHeader = "grpc-status-details-bin";

const errorInfo = "type.googleapis.com/google.rpc.ErrorInfo";
const domain = "dubbo";

/**
 * A google.rpc.Status with the Java class of an exception as the reason of an ErrorInfo, since a gRPC status alone
 * has no room for it.
 */
export function encodeDetails(code: number, message: string, className: string): Buffer {
  const info = new WireWriter().field(1, className).field(2, domain).finish();
  const any = new WireWriter().field(1, errorInfo).field(2, info).finish();
  return new WireWriter().number(1, code).field(2, message).field(3, any).finish();
}

/** The class in such details; undefined for other details, and for what is none. */
export function classInDetails(details: Buffer): string | undefined {
  try {
    for (const status = new WireReader(details); status.next(); ) {
      const found = status.field === 3 ? classInAny(status.bytes()) : undefined;
      if (found !== undefined) return found;
    }
  } catch {
    // Whoever wrote it meant something else.
  }
  return undefined;
}

function classInAny(bytes: Buffer): string | undefined {
  let type = "";
  let value: Buffer | undefined;
  for (const any = new WireReader(bytes); any.next(); ) {
    if (any.field === 1) type = any.text();
    else if (any.field === 2) value = any.bytes();
  }
  if (type !== errorInfo || value === undefined) return undefined;
  let reason: string | undefined;
  let from = "";
  for (const info = new WireReader(value); info.next(); ) {
    if (info.field === 1) reason = info.text();
    else if (info.field === 2) from = info.text();
  }
  return from === domain ? reason : undefined;
}
