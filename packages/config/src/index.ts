// For authors of adapters
export type { ConfigCenter } from "./config-center.js";
