/** The JSON object of a message. */
export type Body = Readonly<Record<string, unknown>>;

/** A message that goes to a client: the simple Java class name of its body, and the body. */
export interface Message {
  readonly type: string;
  readonly body: Body;
}

/** Codes that a real server always sends in an `ErrorResponse`, with their texts (nacos-server 7). */
const errorResponses: Readonly<Record<number, string>> = {
  300: "Server is starting,please try later.",
  301: "Connection is unregistered.",
  302: "RequestHandler Not Found",
  502: "errCode: 101, errMsg: Nacos deserialize failed.  ",
};

/** Responses whose name is not the request's with another ending (registries A1.6, A1.7). */
const responseNames: Readonly<Record<string, string>> = {
  ServiceQueryRequest: "QueryServiceResponse",
  ConfigBatchListenRequest: "ConfigChangeBatchListenResponse",
  PersistentInstanceRequest: "InstanceResponse",
};

/** The type of the answer to a request of `requestType`. */
function responseTypeOf(requestType: string): string {
  return responseNames[requestType] ?? requestType.replace(/Request$/, "Response");
}

/** A success. Real servers put no `requestId` into answers, and `success` last (nacos-server 7 and 8). */
export function success(requestType: string, fields: Body = {}): Message {
  return {
    type: responseTypeOf(requestType),
    body: { resultCode: 200, errorCode: 0, ...fields, success: true },
  };
}

/** A refusal in the expected response type: parameters, rights, lost compare-and-set (nacos-server 8). */
export function refusal(requestType: string, errorCode: number, message: string, fields: Body = {}): Message {
  return {
    type: responseTypeOf(requestType),
    body: { resultCode: 500, errorCode, message, ...fields, success: false },
  };
}

/** The answer for `code` in an `ErrorResponse`; what handlers throw has its code in `resultCode` too. */
export function errorResponse(
  code: number,
  message: string = errorResponses[code] ?? `error ${code}`,
): Message {
  const resultCode = code in errorResponses ? 500 : code;
  return { type: "ErrorResponse", body: { resultCode, errorCode: code, message, success: false } };
}

/** The refusal of `requestType` with `code`, in the form that a real server gives that code. */
export function refusalWithCode(requestType: string, code: number): Message {
  return code in errorResponses
    ? errorResponse(code)
    : refusal(requestType, code, `refused with code ${code}`);
}

/** Thrown by handlers: becomes an `ErrorResponse` whose two codes are `code`. */
export class HandlerError extends Error {
  override readonly name = "HandlerError";

  constructor(
    readonly code: number,
    message: string,
  ) {
    super(message);
  }
}

/** The field as a text; numbers and booleans are taken as Java's parser does. Undefined: absent, null or another type. */
export function textOf(body: Body, field: string): string | undefined {
  const value = body[field];
  if (typeof value === "string") return value;
  return typeof value === "number" || typeof value === "boolean" ? String(value) : undefined;
}

/** The field as a whole number, or `fallback`. */
export function integerOf(body: Body, field: string, fallback: number): number {
  const value = Number(body[field]);
  return Number.isInteger(value) ? value : fallback;
}

/** The field as a list of objects; other elements are left out. */
export function objectsOf(body: Body, field: string): readonly Body[] {
  const value = body[field];
  return Array.isArray(value) ? value.map(asBody).filter((one) => one !== undefined) : [];
}

/** `value` when it is an object and no list. */
export function asBody(value: unknown): Body | undefined {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Body) : undefined;
}
