// For users
export { type Faults } from "./server/faults.js";
export {
  type ConnectedClient,
  type NacosServer,
  type NacosServerOptions,
  startNacosServer,
} from "./server/nacos-server.js";
export { type DetectionOptions } from "./server/detection.js";
