import { spawn } from "node:child_process";
import { timeoutSignal } from "../common/async/timeout-signal.ts";
import type { Clock } from "../common/clock/clock.ts";
import { UncoupleError } from "../common/errors.ts";

export interface ReloadCommand {
  /** A line for `/bin/sh -c`. */
  readonly line: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** 0: none. */
  readonly timeoutSeconds: number;
  readonly clock: Clock;
  /** Kills all processes of a group (kill(2) with the negated id). */
  killGroup(pid: number): void;
}

/** The longest that a timer of Node waits, in milliseconds: 24 days. */
const LONGEST_MS = 2 ** 31 - 1;

/**
 * Runs a command, whose output goes to this process's stderr, and waits until it ends.
 * @throws UncoupleError `failed-precondition` with its exit code, `deadline-exceeded`, or the reason of the signal; its
 *   processes are killed then
 */
export async function runReload(
  { line, env, timeoutSeconds, clock, killGroup }: ReloadCommand,
  variables: Readonly<Record<string, string>>,
  signal: AbortSignal,
): Promise<void> {
  const late = new UncoupleError("deadline-exceeded", `the command did not end within ${timeoutSeconds} s`);
  const ms = timeoutSeconds === 0 ? LONGEST_MS : Math.min(timeoutSeconds * 1000, LONGEST_MS);
  const limit = timeoutSignal(clock, ms, late, signal);
  try {
    limit.signal.throwIfAborted();
    await new Promise<void>((resolve, reject) => {
      // In a group of its own, so that what it started ends with it.
      const child = spawn("/bin/sh", ["-c", line], {
        env: { ...env, ...variables },
        stdio: ["ignore", 2, 2],
        detached: true,
      });
      const onAbort = () => {
        if (child.pid !== undefined) killGroup(child.pid);
        reject(limit.signal.reason as Error);
      };
      limit.signal.addEventListener("abort", onAbort, { once: true });
      child.once("error", ({ message }) => reject(failed(message)));
      child.once("exit", (code, by) => {
        limit.signal.removeEventListener("abort", onAbort);
        if (code === 0) resolve();
        else reject(failed(code === null ? `ended by ${by}` : `exit code ${code}`));
      });
    });
  } finally {
    limit.dispose();
  }
}

function failed(why: string): UncoupleError {
  return new UncoupleError("failed-precondition", `the command failed: ${why}`);
}
