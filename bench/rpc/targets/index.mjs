/**
 * What is measured. Each target's module has `serve()`, which gives an address that can be sent as JSON, and
 * `connect(address)`, which gives a function for each workload that makes one call.
 */
export const targets = [
  { name: "net", title: "node:net, frames only", module: "./net.mjs", peer: false },
  { name: "bare", title: "dubbo frames + hessian.js, no framework", module: "./bare.mjs", peer: true },
  { name: "dubbo", title: "dubbo-ts, dubbo, registry", module: "./dubbo-registry.mjs", peer: false },
  { name: "dubbo-direct", title: "dubbo-ts, dubbo, direct", module: "./dubbo-direct.mjs", peer: false },
  { name: "moleculer", title: "moleculer, TCP", module: "./moleculer.mjs", peer: true },
  { name: "sofa", title: "sofa-rpc-node, dubbo", module: "./sofa.mjs", peer: true },
  { name: "triple", title: "dubbo-ts, triple, direct", module: "./triple.mjs", peer: false },
  { name: "grpc", title: "@grpc/grpc-js", module: "./grpc.mjs", peer: true },
];
