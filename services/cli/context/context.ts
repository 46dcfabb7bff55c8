import type { Clock } from "../../common/clock/clock.ts";
import { UncoupleError } from "../../common/errors.ts";
import type { SignalProcess } from "../../runtime/signals.ts";

/** An output stream: one of the process or, in tests, any object with `write`. */
export interface TextStream {
  write(text: string): unknown;
  readonly isTTY?: boolean | undefined;
  /** Width of the terminal in characters. */
  readonly columns?: number | undefined;
}

/** The process environment that a command can see. */
export interface CliContext {
  /** Receives the result, and nothing else. */
  readonly stdout: TextStream;
  /** Receives progress, hints and errors. */
  readonly stderr: TextStream;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  readonly clock: Clock;
  /** Aborts with `interruption()` as its reason on Ctrl-C, on SIGTERM, or when the reader of stdout is gone. */
  readonly interrupted: AbortSignal;
  /**
   * Hands Ctrl-C and SIGTERM over to a service, which stops gracefully; `interrupted` no longer aborts on them.
   */
  takeSignals(): SignalProcess;
  /** Sends a message to the parent process; undefined unless `uncouple up` started this process. */
  report?(message: unknown): void;
}

/** The value of an environment variable; an empty one counts as unset. */
export function setting(env: CliContext["env"], name: string): string | undefined {
  const value = env[name];
  return value === "" ? undefined : value;
}

/** The user, for logs that name who made a change. */
export function userName(env: CliContext["env"]): string {
  return env.USER ?? env.LOGNAME ?? "someone";
}

/** Creates the reason that `interrupted` aborts with. */
export function interruption(): UncoupleError {
  return new UncoupleError("cancelled", "interrupted");
}

/** Whether to color text for this stream; respects NO_COLOR and FORCE_COLOR (https://no-color.org). */
export function wantsColor(stream: TextStream, env: CliContext["env"]): boolean {
  if (env.NO_COLOR !== undefined && env.NO_COLOR !== "") return false;
  if (env.FORCE_COLOR !== undefined && env.FORCE_COLOR !== "") return env.FORCE_COLOR !== "0";
  return stream.isTTY === true && env.TERM !== "dumb";
}
