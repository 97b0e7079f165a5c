// For users
export { type ZooKeeperAddress } from "./zookeeper-address.js";
export { zookeeperConfigCenter } from "./zookeeper-config-center.js";
export {
  type ZooKeeperConnection,
  zookeeperConnection,
  type ZooKeeperOptions,
} from "./zookeeper-connection.js";
export { zookeeperInterfaceRegistry } from "./zookeeper-interface-registry.js";
export { zookeeperMetadataReport } from "./zookeeper-metadata-report.js";
export { zookeeperRegistry } from "./zookeeper-registry.js";
