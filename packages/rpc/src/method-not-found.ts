import { RpcError, type ServiceKey } from "@dubbo-ts/core";

/** Nothing was run: the service has no such method. */
export function methodNotFound(call: { readonly service: ServiceKey; readonly method: string }): RpcError {
  const name = JSON.stringify(call.method.slice(0, 200));
  return new RpcError("METHOD_NOT_FOUND", `${call.service.text} has no method ${name}`, {
    mayHaveRun: false,
  });
}
