import { hasCode, NoProviderError, RemoteException, RpcError } from "./errors.js";

test("an error is known by its code, whichever copy of the class made it", () => {
  const foreign = Object.assign(new Error("x"), { code: "NO_PROVIDER" });
  expect(hasCode(foreign, "NO_PROVIDER")).toBe(true);
  expect(hasCode(foreign, "CALL_TIMEOUT")).toBe(false);
  expect(hasCode({ code: "NO_PROVIDER" }, "NO_PROVIDER")).toBe(false);
});

test("an error says where it happened and what was near", () => {
  expect(new RpcError("CALL_TIMEOUT", "no answer within 5 ms", { peer: "dubbo://h:1" }).message).toBe(
    "no answer within 5 ms (dubbo://h:1)",
  );
  const none = new NoProviderError("NO_PROVIDER", "nobody offers it", {
    service: "a.B:2",
    applications: ["shop"],
    nearMisses: ["a.B:1:dubbo"],
  });
  expect(none.message).toBe(
    "no provider of a.B:2: nobody offers it; applications asked: shop; offered instead: a.B:1:dubbo",
  );
  expect(new RemoteException("a.X", null).message).toBe("a.X");
});
