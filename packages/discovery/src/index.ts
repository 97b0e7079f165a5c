// For users
export { MemoryRegistryStore, memoryRegistry } from "./memory-registry.js";
// For authors of adapters
export type { InstanceSet, Registration, Registry } from "./registry.js";
