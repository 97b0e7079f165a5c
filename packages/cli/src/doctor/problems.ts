import type { ErrorCode } from "@dubbo-ts/core";

/** What a broken step means: the code that a program would see, and what to do about it. */
export interface ProblemInfo {
  /** As in docs/errors.md; what was caught on the way may have a more exact one. */
  readonly code: ErrorCode;
  readonly cure: string;
}

/** Everything that the doctor tells apart. docs/command.md has the same list; a test compares the two. */
export const problems = {
  "registry-down": {
    code: "REGISTRY_UNAVAILABLE",
    cure: "is the server running, is the address right, does a firewall stand between? Try it from this machine: --registry scheme://host:port",
  },
  "wrong-root": {
    code: "NO_PROVIDER",
    cure: "use the provider's namespace, group or chroot: ?namespace=..., ?group=..., or a path after the host",
  },
  "no-mapping": {
    code: "NO_PROVIDER",
    cure: "start a provider, or check the interface's name; if its provider writes no mapping, name the application: --app <name> here, provided-by in the configuration",
  },
  "no-instances": {
    code: "NO_PROVIDER",
    cure: "start the application; if it runs, see its log for what became of its registration",
  },
  "all-disabled": {
    code: "NO_PROVIDER",
    cure: "somebody switched the instances off: enable them in the registry's console",
  },
  "not-dubbo": {
    code: "NO_PROVIDER",
    cure: "the application registers, but not as Dubbo 3 (Spring Cloud, or interface-level only): let it register with register-mode: instance, or name another application",
  },
  "metadata-unavailable": {
    code: "METADATA_UNAVAILABLE",
    cure: "is the port of the instance's MetadataService reachable from here? With metadata-type: remote, do both sides use the same metadata report?",
  },
  "not-offered": {
    code: "NO_PROVIDER",
    cure: "the mapping outlived the service, or the interface is misspelt: compare with dubbo-ts metadata <app>",
  },
  "other-version-or-group": {
    code: "NO_PROVIDER",
    cure: "ask for what is offered, with --version and --group here, version and group in the reference; * is any",
  },
  "other-protocol": {
    code: "NO_PROVIDER",
    cure: "let the provider serve a protocol that this program speaks, or take --protocol away",
  },
  "other-serialization": {
    code: "SERIALIZATION_UNKNOWN",
    cure: "let the provider accept hessian2: prefer-serialization: hessian2,... on its protocol",
  },
  "address-unreachable": {
    code: "CONNECT_FAILED",
    cure: "is the address one that this machine can reach? A provider in a container or behind NAT has to register another: DUBBO_IP_TO_REGISTRY, DUBBO_PORT_TO_REGISTRY",
  },
  "provider-error": {
    code: "PROVIDER_ERROR",
    cure: "it listens, but does not answer as a provider of this service: see the provider's log",
  },
} as const satisfies Readonly<Record<string, ProblemInfo>>;

/** Better advice where the code says more than the problem. docs/errors.md has all codes. */
export const cureByCode: Partial<Readonly<Record<ErrorCode, string>>> = {
  ADDRESS_INVALID: "correct the URL: scheme://host:port?key=value",
  UNKNOWN_REGISTRY: "use one of the schemes that the message lists",
  REGISTRY_AUTH_FAILED: "correct user and password: scheme://user:password@host:port",
  REGISTRY_REFUSED: "the server's own words say why: a permission, or a name that it does not take",
  REGISTRY_WRONG_SERVER: "something else listens there: check scheme and port",
  SERVICE_NOT_FOUND:
    "the process does not serve what its metadata says: was it replaced by one of another revision? Look again in a moment",
  CALL_TIMEOUT:
    "it accepts connections but does not answer: is the process stopped, or its thread pool full?",
  FRAME_INVALID: "something else listens at this port: does another program use it?",
  SERIALIZATION_UNKNOWN:
    "let the provider accept hessian2: prefer-serialization: hessian2,... on its protocol",
};

/** What to do where TLS is what a provider and this command do not agree on, by what was said; undefined: it is not. */
export function tlsCure(said: string): string | undefined {
  return /\b(tls|ssl|certificate|altnames)\b/i.test(said)
    ? "say how the provider is called: --ca-file for its certificate, --cert-file and --key-file where it asks for one, or --config <file> with consumer.tls; without TLS none of them"
    : undefined;
}

/** One of {@link problems}. */
export type Problem = keyof typeof problems;
