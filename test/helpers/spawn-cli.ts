import { type ChildProcess, execFile, spawn } from "node:child_process";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";

/** The `uncouple` command as a process. */
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

export interface SpawnOptions {
  readonly cwd?: string;
  readonly env?: NodeJS.ProcessEnv;
  /** The program of an installed package, by its path, and not the one in dist/. */
  readonly installed?: string;
}

/** Starts the built program. */
export function spawnCli(args: readonly string[], options: SpawnOptions = {}): CliProcess {
  const program = options.installed ?? join(root, "dist/services/cli/main.js");
  const child = spawn(process.execPath, [program, ...args], {
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
  options: SpawnOptions = {},
): Promise<{ code: number | null; stdout: string; stderr: string }> {
  const command = spawnCli(args, options);
  const code = await command.ended;
  return { code, stdout: command.stdout(), stderr: command.stderr() };
}

export interface ListedProcess {
  readonly pid: number;
  readonly parent: number;
  /** Its command line, space-separated. */
  readonly args: string;
}

/** The processes of this machine: as Linux lists them, else by `ps`, which a small image does not have. */
export async function processList(): Promise<readonly ListedProcess[]> {
  if (process.platform !== "linux") {
    const { stdout } = await promisify(execFile)("ps", ["-A", "-o", "pid=,ppid=,args="]);
    return stdout.split("\n").flatMap((line) => {
      const [, pid, parent, args = ""] = /^\s*(\d+)\s+(\d+)\s+(.*)$/.exec(line) ?? [];
      return pid === undefined ? [] : [{ pid: Number(pid), parent: Number(parent), args }];
    });
  }
  const pids = (await readdir("/proc")).filter((name) => /^\d+$/.test(name));
  const listed = await Promise.all(
    pids.map(async (pid) => {
      try {
        const stat = await readFile(`/proc/${pid}/stat`, "utf8");
        // The name in parentheses may hold anything; what follows it are the state and the parent.
        const parent = Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]);
        const args = (await readFile(`/proc/${pid}/cmdline`, "utf8")).split("\0").join(" ").trim();
        return [{ pid: Number(pid), parent, args }];
      } catch {
        return []; // It ended meanwhile.
      }
    }),
  );
  return listed.flat();
}

/** Process ids of a process's descendants, whatever sessions they are in. */
export async function descendants(pid: number): Promise<number[]> {
  const all = await processList();
  const found: number[] = [];
  for (let generation = [pid]; generation.length > 0; ) {
    const parents = new Set(generation);
    generation = all.filter(({ parent }) => parents.has(parent)).map((one) => one.pid);
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
