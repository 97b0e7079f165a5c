import type { LoggerConfig } from "@dubbo-ts/config";
import type { Logger } from "@dubbo-ts/core";
import { destination, pino, stdTimeFunctions } from "pino";

/** A logger whose level follows the configuration. */
export interface LeveledLogger extends Logger {
  /** The least level that is logged. */
  level: string;
}

/** A pino logger as the configuration says. Errors go under `err` or `error`, with their stack and causes. */
export function pinoLogger({ level, format, file }: LoggerConfig, application: string): LeveledLogger {
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
      const {
        level,
        time,
        msg = "",
        name: _name,
        pid: _pid,
        hostname: _hostname,
        ...fields
      } = JSON.parse(json) as Line;
      const label = pino.levels.labels[level] ?? String(level);
      const rest = Object.entries(fields).map(([key, value]) => `${key}=${textOf(value)}`);
      out.write(`${harmless([time.slice(11, 23), label.padEnd(5), msg, ...rest].join(" "))}\n`);
    },
  };
}

/** An error is its code and message; its stack is in the JSON format only. */
function textOf(value: unknown): string {
  const { code, message } = (value ?? {}) as { code?: unknown; message?: unknown };
  if (typeof message !== "string") return JSON.stringify(value);
  return JSON.stringify(typeof code === "string" ? `${code}: ${message}` : message);
}

/** Newlines and escape codes that a peer sent must not forge lines of the log, or steer a terminal. */
function harmless(line: string): string {
  const escaped = (char: string) => `\\u${(char.codePointAt(0) as number).toString(16).padStart(4, "0")}`;
  return line.replace(/[\p{Cc}\p{Cf}\u2028\u2029]/gu, escaped);
}
