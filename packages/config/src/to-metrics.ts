import type { MetricsConfig, ProbeConfig, PushgatewayConfig } from "./metrics-config.js";
import type { ParsedConfig } from "./schema/config-schema.js";

/** What the schema read, without the sections that are switched off. */
export function toMetrics(parsed: ParsedConfig["metrics"]): MetricsConfig {
  const { enable, port, path, enableMetadata, enableRegistry, enableConfigCenter } = parsed;
  const { prometheus, aggregation, probe } = parsed;
  return {
    enabled: enable,
    port,
    path,
    metadata: enableMetadata,
    registry: enableRegistry,
    configCenter: enableConfigCenter,
    exporter: prometheus.exporter.enabled,
    pushgateway: prometheus.pushgateway.enabled ? toPushgateway(prometheus.pushgateway) : undefined,
    aggregation: aggregation.enabled
      ? { buckets: aggregation.bucketNum, windowMs: aggregation.timeWindowSeconds * 1_000 }
      : undefined,
    probe: probe.enabled ? toProbe(probe) : undefined,
  };
}

function toPushgateway(parsed: ParsedConfig["metrics"]["prometheus"]["pushgateway"]): PushgatewayConfig {
  const { baseUrl, job, username, password, pushInterval } = parsed;
  return { baseUrl, job, username, password, intervalMs: pushInterval * 1_000 };
}

function toProbe(parsed: ParsedConfig["metrics"]["probe"]): ProbeConfig {
  const { port, livenessPath, readinessPath, startupPath, useInternalState } = parsed;
  return { port, livenessPath, readinessPath, startupPath, useInternalState };
}
