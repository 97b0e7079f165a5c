// For authors of adapters
export type { InstanceSet, Registration, Registry } from "./registry.js";
