import { z } from "zod";
import { hot, inert, inerts, key, later } from "./key.js";
import { flag, integer, oneOf, share, text, texts } from "./scalars.js";

const levelAliases = {
  warning: "warn",
  off: "silent",
  dpanic: "error",
  panic: "error",
  fatal: "error",
} as const;

/** How much is logged; the names of zap are understood. */
const level = () => oneOf(["debug", "info", "warn", "error", "silent"], levelAliases);

/** How a line of the log looks. */
const format = () => oneOf(["json", "pretty"], { text: "pretty", console: "pretty" });

/** `logger:`. */
export const logger = () =>
  z.object({
    level: hot("The least level that is logged.", level().default("info")),
    format: key("`json`: one object a line. `pretty`: for people.", format().default("json")),
    appender: key("`console`, `file` or both. Default: the file, if there is one.", texts().optional()),
    file: key(
      "The file that is logged to.",
      z
        .object({
          name: key("Its path.", text().optional()),
          ...inerts(
            "files are rotated by the system, as logrotate does",
            "maxSize",
            "maxBackups",
            "maxAge",
            "compress",
          ),
        })
        .optional(),
      { shorthand: "name" },
    ),
    driver: inert("the log is written by pino", { usual: ["zap"] }),
    traceIntegration: inert("there are no traces yet"),
  });

const enabled = (what: string) => later(what, flag().default(false));

/** `metrics:`. */
export const metrics = () =>
  z.object({
    enable: later("Whether numbers are collected and served.", flag().default(false), {
      aliases: ["enabled"],
    }),
    port: key("The port of the page for Prometheus.", integer(0, 65_535).default(9_090)),
    path: key("Its path.", text().default("/metrics")),
    protocol: key("The format.", oneOf(["prometheus"]).default("prometheus")),
    enableMetadata: key("Whether metadata is counted too.", flag().default(false)),
    enableRegistry: key("Whether registries are counted too.", flag().default(false)),
    enableConfigCenter: key("Whether configuration centers are counted too.", flag().default(false)),
    prometheus: key(
      "What is particular to Prometheus.",
      z
        .object({
          exporter: key(
            "Serving the page.",
            z.object({ enabled: key("Whether it is served.", flag().default(true)) }).prefault({}),
          ),
          pushgateway: key(
            "Sending the numbers to a gateway.",
            z
              .object({
                enabled: enabled("Whether they are sent."),
                baseUrl: key("The gateway's URL.", text().optional()),
                job: key("The name of the job.", text().default("default_dubbo_job")),
                username: key("Who logs in.", text().optional()),
                password: key("The password. Never printed.", text().optional()),
                pushInterval: key("Seconds from one to the next.", integer(1, 86_400).default(30)),
              })
              .prefault({}),
          ),
        })
        .prefault({}),
    ),
    aggregation: key(
      "Numbers over a window of time.",
      z
        .object({
          enabled: enabled("Whether there are any."),
          bucketNum: key("Parts of the window.", integer(1, 10_000).default(10)),
          timeWindowSeconds: key("The window.", integer(1, 86_400).default(120)),
        })
        .prefault({}),
    ),
    probe: key(
      "Pages that tell whether the process lives and is ready.",
      z
        .object({
          enabled: enabled("Whether they are served."),
          port: key("Their port.", integer(0, 65_535).default(22_222)),
          livenessPath: key("The page that tells whether it lives.", text().default("/live")),
          readinessPath: key("The page that tells whether it is ready.", text().default("/ready")),
          startupPath: key("The page that tells whether it has started.", text().default("/startup")),
          useInternalState: key("Whether the application's own state counts.", flag().default(true)),
        })
        .prefault({}),
    ),
  });

const exporters = ["stdout", "jaeger", "zipkin", "otlp-http", "otlp-grpc"] as const;

/** `otel:`. */
export const otel = () =>
  z.object({
    tracing: key(
      "Traces of calls.",
      z
        .object({
          enable: later("Whether calls are traced.", flag().default(false), { aliases: ["enabled"] }),
          exporter: key("Where traces go.", oneOf(exporters).default("stdout")),
          endpoint: key("The address of the collector.", text().optional()),
          propagator: key("How the trace travels with a call.", oneOf(["w3c", "b3"]).default("w3c")),
          sampleMode: key("Which calls are traced.", oneOf(["always", "never", "ratio"]).default("ratio")),
          sampleRatio: key("The share of calls that is traced.", share().default(0.5)),
          insecure: key("Whether the collector is reached without TLS.", flag().default(false)),
        })
        .prefault({}),
    ),
  });

/** A file of zap, the logger of dubbo-go: what `APP_LOG_CONF_FILE` names, or a profile's `log.yml`. */
export const zapFile = () =>
  z.object({
    level: hot("The least level that is logged.", level().optional()),
    encoding: key("`json` or `console`.", format().optional()),
    outputPaths: key("`stdout`, `stderr` or files.", texts().optional()),
    ...inerts(
      "the log is written by pino",
      "development",
      "disableCaller",
      "disableStacktrace",
      "sampling",
      "encoderConfig",
      "errorOutputPaths",
      "initialFields",
    ),
  });
