import type { LoggerConfig } from "@dubbo-ts/config";
import type { Logger } from "@dubbo-ts/core";
import { destination, pino, stdTimeFunctions } from "pino";

/** A pino logger as the configuration says. Errors go under `err` or `error`, with their stack and causes. */
export function pinoLogger({ level, format, file }: LoggerConfig, application: string): Logger {
  const target = file === undefined ? undefined : destination({ dest: file, mkdir: true, sync: false });
  const serializers = { err: pino.stdSerializers.err, error: pino.stdSerializers.err };
  const options = { level, name: application, serializers, timestamp: stdTimeFunctions.isoTime };
  if (format === "pretty") return pino(options, prettyLines(target ?? process.stdout));
  return target === undefined ? pino(options) : pino(options, target);
}

interface Line {
  readonly level: number;
  readonly time: string;
  readonly msg?: string;
  readonly [field: string]: unknown;
}

/** One short line an event, for people: time, level, sentence, fields. */
function prettyLines(out: { write(text: string): unknown }) {
  return {
    write(json: string) {
      const { level, time, msg = "", name: _name, pid: _pid, hostname: _hostname, ...fields } = JSON.parse(json) as Line;
      const label = pino.levels.labels[level] ?? String(level);
      const rest = Object.entries(fields).map(([key, value]) => `${key}=${textOf(value)}`);
      out.write(`${[time.slice(11, 23), label.padEnd(5), msg, ...rest].join(" ")}\n`);
    },
  };
}

// Newlines and escape codes of a peer must not forge lines of the log.
function textOf(value: unknown): string {
  const { code, message } = (value ?? {}) as { code?: unknown; message?: unknown };
  return JSON.stringify(typeof message === "string" ? `${code === undefined ? "" : `${String(code)}: `}${message}` : value);
}
