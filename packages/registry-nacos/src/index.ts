// For users
export type { NacosAddress } from "./nacos-address.js";
export {
  type NacosBackend,
  nacosConfigCenter,
  nacosInterfaceRegistry,
  nacosMetadataReport,
  type NacosOptions,
  nacosRegistry,
  openNacos,
} from "./nacos-connection.js";
