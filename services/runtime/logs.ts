import { pino } from "pino";
import { type Clock, timestamp } from "../common/clock/clock.ts";
import { UncoupleError } from "../common/errors.ts";
import { formatLogLine } from "./log-lines.ts";

export type Logger = pino.Logger;

export type LogLevel = "debug" | "info" | "warn" | "error" | "silent";

/** Destination of log lines: `process.stdout` or `process.stderr` in main.ts, any object with `write` in tests. */
export interface LogDestination {
  write(text: string): unknown;
  readonly isTTY?: boolean | undefined;
}

export interface LogSettings {
  readonly service: string;
  /** Timestamps the lines. */
  readonly clock: Clock;
  readonly pipeline?: string | undefined;
  readonly component?: string | undefined;
  readonly level?: LogLevel | undefined;
  readonly destination: LogDestination;
  /** `auto`: `pretty` if the destination is a terminal, otherwise `json`, one object per line. */
  readonly format?: "auto" | "json" | "pretty" | undefined;
  /** Whether pretty lines have terminal colors. Default: whether the destination is a terminal. */
  readonly color?: boolean | undefined;
}

/** Creates a structured logger. Every line carries the service and, if known, the pipeline and the component. */
export function createLogger(settings: LogSettings): Logger {
  const { destination } = settings;
  const terminal = destination.isTTY === true;
  const format = settings.format ?? "auto";
  const pretty = format === "pretty" || (format === "auto" && terminal);
  const color = settings.color ?? terminal;
  return pino(
    {
      level: settings.level ?? "info",
      base: {
        service: settings.service,
        ...(settings.pipeline === undefined ? {} : { pipeline: settings.pipeline }),
        ...(settings.component === undefined ? {} : { component: settings.component }),
      },
      timestamp: () => `,"time":"${timestamp(settings.clock)}"`,
      messageKey: "message",
      errorKey: "error",
      serializers: { error: settings.level === "debug" ? pino.stdSerializers.errWithCause : withoutNeedlessStack },
      formatters: { level: (label) => ({ level: label }) },
    },
    { write: (line: string) => void destination.write(pretty ? formatLogLine(line, color) : line) },
  );
}

/** Serializes an error with its stack only if it is a bug. For invalid input or an unreachable server it is noise. */
function withoutNeedlessStack(error: unknown): unknown {
  if (!(error instanceof UncoupleError) || error.code === "internal") {
    return error instanceof Error ? pino.stdSerializers.errWithCause(error) : error;
  }
  const { name, code, message, cause } = error;
  return { type: name, code, message, ...(cause !== undefined && { cause: { message: textOf(cause) } }) };
}

function textOf(thrown: unknown): string {
  return thrown instanceof Error ? `${thrown.name}: ${thrown.message}` : String(thrown);
}
