import { type ChildProcess, execFile, spawn } from "node:child_process";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";

/** The `uncouple` command as a process, from source. */
export interface CliProcess {
  readonly child: ChildProcess;
  stdout(): string;
  stderr(): string;
  /** Settles with the exit code when it has ended and its output was read. */
  readonly ended: Promise<number | null>;
  /** Waits until stdout matches. @throws Error with all output when it ends first, or after a minute and a half */
  seen(pattern: RegExp): Promise<void>;
}

const root = join(import.meta.dirname, "../..");
const tsx = import.meta.resolve("tsx");

export function spawnCli(args: readonly string[], options: { cwd?: string; env?: NodeJS.ProcessEnv } = {}): CliProcess {
  const child = spawn(process.execPath, ["--import", tsx, join(root, "services/cli/main.ts"), ...args], {
    cwd: options.cwd ?? root,
    env: { ...process.env, NO_COLOR: "1", ...options.env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let stdout = "";
  let stderr = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    stdout += text;
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    stderr += text;
  });
  let over = false;
  const ended = new Promise<number | null>((resolve) => {
    child.once("close", (code) => {
      over = true;
      resolve(code);
    });
  });
  return {
    child,
    stdout: () => stdout,
    stderr: () => stderr,
    ended,
    async seen(pattern) {
      for (let waited = 0; waited < 90_000; waited += 25) {
        if (pattern.test(stdout)) return;
        if (over) break;
        await sleep(25);
      }
      throw new Error(`${args.join(" ")}: ${pattern} was not seen in:\n${stdout}\n${stderr}`);
    },
  };
}

/** Runs a command to its end. */
export async function runCliProcess(
  args: readonly string[],
  options: { cwd?: string; env?: NodeJS.ProcessEnv } = {},
): Promise<{ code: number | null; stdout: string; stderr: string }> {
  const command = spawnCli(args, options);
  const code = await command.ended;
  return { code, stdout: command.stdout(), stderr: command.stderr() };
}

const execute = promisify(execFile);

/** Process ids of a process's descendants, whatever sessions they are in. */
export async function descendants(pid: number): Promise<number[]> {
  const { stdout } = await execute("ps", ["-A", "-o", "pid=,ppid="]);
  const pairs = stdout.split("\n").map((line) => line.trim().split(/\s+/).map(Number));
  const found: number[] = [];
  for (let generation = [pid]; generation.length > 0; ) {
    const parents = new Set(generation);
    generation = pairs.flatMap(([child, parent]) => (child !== undefined && parents.has(parent ?? -1) ? [child] : []));
    found.push(...generation);
  }
  return found;
}

/** Waits until none of the processes lives. @throws Error naming those that stay for half a minute */
export async function gone(pids: readonly number[]): Promise<void> {
  const living = () =>
    pids.filter((pid) => {
      try {
        process.kill(pid, 0);
        return true;
      } catch {
        return false;
      }
    });
  for (let waited = 0; living().length > 0; waited += 50) {
    if (waited > 30_000) throw new Error(`processes ${living().join(", ")} are still there`);
    await sleep(50);
  }
}
