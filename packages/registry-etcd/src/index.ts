// For users
export { type EtcdAddress } from "./etcd-address.js";
export { etcdConfigCenter } from "./etcd-config-center.js";
export { type EtcdConnection, etcdConnection, type EtcdOptions } from "./etcd-connection.js";
export { etcdInterfaceRegistry } from "./etcd-interface-registry.js";
export { etcdMetadataReport } from "./etcd-metadata-report.js";
export { etcdRegistry } from "./etcd-registry.js";
