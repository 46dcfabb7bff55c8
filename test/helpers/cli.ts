import { runCli } from "../../services/cli/command-line.ts";
import { type CliContext, interruption } from "../../services/cli/context/context.ts";
import type { Clock } from "../../services/common/clock/clock.ts";
import { systemClock } from "../../services/common/clock/system-clock.ts";

export interface CliResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a command line of `uncouple` in this process, with no terminal. */
export async function cli(
  args: readonly string[],
  options: {
    readonly env?: Readonly<Record<string, string>>;
    readonly cwd?: string;
    readonly tty?: boolean;
    readonly interrupt?: AbortSignal;
    readonly clock?: Clock;
    /** Called with everything that the command prints on stderr, as it does. */
    readonly onStderr?: (text: string) => void;
  } = {},
): Promise<CliResult> {
  const stdout: string[] = [];
  const stderr: string[] = [];
  const interrupt = new AbortController();
  options.interrupt?.addEventListener("abort", () => interrupt.abort(interruption()), { once: true });
  const isTTY = options.tty === true;
  const context: CliContext = {
    stdout: { isTTY, columns: 100, write: (text) => stdout.push(text) },
    stderr: {
      isTTY,
      columns: 100,
      write(text) {
        stderr.push(text);
        options.onStderr?.(text);
      },
    },
    env: options.env ?? {},
    cwd: options.cwd ?? import.meta.dirname,
    clock: options.clock ?? systemClock,
    interrupted: interrupt.signal,
    takeSignals: () => {
      throw new TypeError("a service is started as a process of its own, not in a test's");
    },
  };
  const code = await runCli(args, context);
  return { code, stdout: stdout.join(""), stderr: stderr.join("") };
}
