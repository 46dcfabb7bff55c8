import { type ChildProcess, execFile, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";

/** A user, because database servers refuse to run as root. */
export interface ServerUser {
  readonly uid?: number;
  readonly gid?: number;
}

/** The user of a Debian package if this process is root, and otherwise this process's own. */
export function serverUser(name: string): ServerUser {
  if (process.getuid?.() !== 0) return {};
  const id = (flag: string) => Number(execFileSync("id", [flag, name], { encoding: "utf8" }));
  return { uid: id("-u"), gid: id("-g") };
}

/** A new folder that belongs to the user. */
export async function serverFolder(name: string, { uid, gid }: ServerUser): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), `uncouple-${name}-`));
  if (uid !== undefined && gid !== undefined) execFileSync("chown", [`${uid}:${gid}`, folder]);
  return folder;
}

export const run = promisify(execFile);

/** Runs a program with a text as its input. @returns what it prints */
export async function runWithInput(
  program: string,
  args: readonly string[],
  input: string,
  env: NodeJS.ProcessEnv = process.env,
): Promise<string> {
  const ended = run(program, args, { env, maxBuffer: 64 * 1024 * 1024 });
  // A program that ends before it reads its input fails by its exit code.
  ended.child.stdin?.on("error", () => {});
  ended.child.stdin?.end(input);
  return (await ended).stdout.trim();
}

/** Starts a server and waits until it answers. */
export async function startServer(
  program: string,
  args: readonly string[],
  options: ServerUser & { readonly cwd: string; readonly env?: NodeJS.ProcessEnv },
  answers: () => Promise<unknown>,
): Promise<{ stop(): Promise<void> }> {
  const child: ChildProcess = spawn(program, args, { ...options, stdio: ["ignore", "ignore", "pipe"] });
  let log = "";
  child.stderr?.setEncoding("utf8").on("data", (text: string) => {
    log = (log + text).slice(-4000);
  });
  const ended = once(child, "close");
  let over = false;
  ended.then(
    () => {
      over = true;
    },
    () => {
      over = true;
    },
  );
  for (let attempt = 0; ; attempt += 1) {
    const error: unknown = await answers().then(
      () => undefined,
      (thrown: unknown) => thrown,
    );
    if (error === undefined) break;
    if (over || attempt > 300) throw new Error(`${program} does not answer: ${String(error)}\n${log}`);
    await sleep(100);
  }
  return {
    async stop() {
      child.kill("SIGINT");
      await Promise.race([ended, sleep(10_000)]);
      if (!over) child.kill("SIGKILL");
      await ended;
      await rm(options.cwd, { recursive: true, force: true });
    },
  };
}
