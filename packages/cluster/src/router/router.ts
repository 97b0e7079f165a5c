import type { Invocation } from "@dubbo-ts/rpc";
import type { Candidate } from "../candidate.js";

/**
 * Keeps the candidates that may serve this call: by a tag, by a rule. Gives `candidates` itself when it leaves
 * none out. None left means that the call fails with NO_PROVIDER, so a rule that is not forced gives all back.
 */
export type Router = (candidates: readonly Candidate[], invocation: Invocation) => readonly Candidate[];
