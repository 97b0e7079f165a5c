// For users
export { joinLocalRegistry, type LocalOptions, type LocalRegistry } from "./local-registry.js";
export {
  type ConnectedClient,
  type NacosServer,
  type NacosServerOptions,
  startNacosServer,
} from "./server/nacos-server.js";
// For tests of adapters
export type { DetectionOptions } from "./server/detection.js";
export type { Faults } from "./server/faults.js";
