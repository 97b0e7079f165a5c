/** `metrics:`. */
export interface MetricsConfig {
  /** Default false. */
  readonly enabled: boolean;
  /** Default 9090. */
  readonly port: number;
  /** Default `/metrics`. */
  readonly path: string;
  /** What is counted beside calls. Default: nothing. */
  readonly metadata: boolean;
  readonly registry: boolean;
  readonly configCenter: boolean;
  /** False: the page is not served, though numbers are collected. Default true. */
  readonly exporter: boolean;
  /** Undefined: numbers are not sent anywhere. */
  readonly pushgateway: PushgatewayConfig | undefined;
  /** Undefined: there are no numbers over a window of time. */
  readonly aggregation: { readonly buckets: number; readonly windowMs: number } | undefined;
  /** Undefined: no pages tell whether the process lives. */
  readonly probe: ProbeConfig | undefined;
}

/** `metrics.prometheus.pushgateway:`. */
export interface PushgatewayConfig {
  readonly baseUrl: string | undefined;
  readonly job: string;
  readonly username: string | undefined;
  /** Not to be printed. */
  readonly password: string | undefined;
  readonly intervalMs: number;
}

/** `metrics.probe:`. */
export interface ProbeConfig {
  readonly port: number;
  readonly livenessPath: string;
  readonly readinessPath: string;
  readonly startupPath: string;
  readonly useInternalState: boolean;
}

/** `otel.tracing:`. */
export interface TracingConfig {
  /** Default false. */
  readonly enable: boolean;
  readonly exporter: "stdout" | "jaeger" | "zipkin" | "otlp-http" | "otlp-grpc";
  /** Undefined: the exporter's default. */
  readonly endpoint: string | undefined;
  readonly propagator: "w3c" | "b3";
  readonly sampleMode: "always" | "never" | "ratio";
  /** From 0 to 1. Default 0.5. */
  readonly sampleRatio: number;
  readonly insecure: boolean;
}
