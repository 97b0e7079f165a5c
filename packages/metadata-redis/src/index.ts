// For users
export type { RedisAddress, RedisNode } from "./redis-address.js";
export { redisConfigCenter } from "./redis-config-center.js";
export { type RedisConnection, redisConnection } from "./redis-connection.js";
export { redisMetadataReport } from "./redis-metadata-report.js";
export type { RedisOptions } from "./redis-settings.js";
export type { RedisTls } from "./redis-tls.js";
