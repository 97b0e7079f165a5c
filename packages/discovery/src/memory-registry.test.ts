import { registrySuite } from "@dubbo-ts/testkit";
import { MemoryRegistryStore, memoryRegistry } from "./memory-registry.js";

registrySuite(
  "memoryRegistry",
  async () => {
    const store = new MemoryRegistryStore();
    return { open: async () => memoryRegistry(store), [Symbol.asyncDispose]: async () => {} };
  },
  { lacks: ["kill", "wipe", "blackhole", "cut", "pause", "crash"], bulk: 500 },
);
