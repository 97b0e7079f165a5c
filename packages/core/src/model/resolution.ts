import type { NoProviderError } from "../errors.js";
import type { Endpoint } from "./endpoint.js";

/**
 * What is known about the providers of a service at one moment: their endpoints, or why there are none. A
 * value that is never changed, so that a call sees one state from its start to its end.
 */
export type Resolution =
  /** Nothing was heard yet: no mapping, or no instances of the mapped applications. */
  | { readonly state: "pending"; readonly error: NoProviderError }
  /** Known: nobody provides it. `error` says who was asked and what is offered instead. */
  | { readonly state: "absent"; readonly error: NoProviderError }
  /** Instances are there, but what they offer could not be learnt. */
  | { readonly state: "failed"; readonly error: NoProviderError }
  | {
      readonly state: "resolved";
      readonly endpoints: readonly Endpoint[];
      /**
       * Parameters that the providers publish with the service, `timeout` and `getUser.retries` for example:
       * defaults for a consumer that sets none itself. Of the newest revision where several differ.
       */
      readonly params: Readonly<Record<string, string>>;
      /** True: the registry or the metadata cannot be asked at present; this is what was known last. */
      readonly stale: boolean;
      /** True: the registry says that all or most of them are gone, which is not believed before it is confirmed. */
      readonly doubted?: boolean;
    };
