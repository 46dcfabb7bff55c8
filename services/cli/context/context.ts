import type { Clock } from "../../common/clock/clock.ts";
import { UncoupleError } from "../../common/errors.ts";
import type { SignalProcess } from "../../runtime/signals.ts";

/** Where text goes: a stream of the process, or anything with `write` in tests. */
export interface TextStream {
  write(text: string): unknown;
  readonly isTTY?: boolean | undefined;
  /** Width of the terminal in characters. */
  readonly columns?: number | undefined;
}

/** What a command gets to know of the process that it runs in. */
export interface CliContext {
  /** The result, and nothing else. */
  readonly stdout: TextStream;
  /** Progress, hints and errors. */
  readonly stderr: TextStream;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  readonly clock: Clock;
  /** Aborts with `interruption` as its reason on Ctrl-C or SIGTERM, or when nobody reads stdout any more. */
  readonly interrupted: AbortSignal;
  /**
   * Gives Ctrl-C and SIGTERM over to a service, which stops in its own order: from then on `interrupted` stays silent.
   */
  takeSignals(): SignalProcess;
  /** Tells the process that started this one (`uncouple up`) something; nothing where it was started otherwise. */
  report?(message: unknown): void;
}

/** An environment variable; one that is empty counts as not set. */
export function setting(env: CliContext["env"], name: string): string | undefined {
  const value = env[name];
  return value === "" ? undefined : value;
}

/** What `interrupted` aborts with on Ctrl-C. */
export function interruption(): UncoupleError {
  return new UncoupleError("cancelled", "interrupted");
}

/** Whether text for this stream may have colors; NO_COLOR and FORCE_COLOR as on https://no-color.org. */
export function wantsColor(stream: TextStream, env: CliContext["env"]): boolean {
  if (env.NO_COLOR !== undefined && env.NO_COLOR !== "") return false;
  if (env.FORCE_COLOR !== undefined && env.FORCE_COLOR !== "") return env.FORCE_COLOR !== "0";
  return stream.isTTY === true && env.TERM !== "dumb";
}
