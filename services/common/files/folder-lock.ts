import { randomUUID } from "node:crypto";
import { readFileSync, readlinkSync } from "node:fs";
import { link, readdir, readFile, rm, stat, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import type { Clock } from "../clock/clock.ts";
import { UncoupleError } from "../errors.ts";
import { fileError, writeDurably } from "./durable-file.ts";
import { errorCode } from "./file-trouble.ts";
import { makeFolder } from "./make-folder.ts";

/** The processes that this one can see, as the lock uses them. */
export interface ProcessTable {
  readonly pid: number;
  /** For people only. */
  readonly host: string;
  /**
   * Names the process table: process ids of two processes can be compared only if this is equal. Host names do not tell:
   * two containers can have the same one. null: unknown, and equal to none.
   */
  readonly table: string | null;
  isAlive(pid: number): boolean;
}

/** The part of Node's `process` that the lock uses. */
interface Self {
  readonly pid: number;
  kill(pid: number, signal: 0): unknown;
}

/** @param self Node's own `process` @param host `os.hostname()` */
export function processTableOf(self: Self, host: string): ProcessTable {
  return { pid: self.pid, host, table: readTable(), isAlive: (pid) => isAlive(self, pid) };
}

/** The kernel's boot and this process's PID namespace (pid_namespaces(7)); null on systems without /proc. */
function readTable(): string | null {
  try {
    const boot = readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
    return `${boot} ${readlinkSync("/proc/self/ns/pid")}`;
  } catch {
    return null;
  }
}

/** Whether a process on this machine is alive. @param self Node's own `process` */
export function isAlive(self: Pick<Self, "kill">, pid: number): boolean {
  try {
    self.kill(pid, 0);
    return true;
  } catch (thrown) {
    // The process is alive and belongs to a different user.
    return errorCode(thrown) === "EPERM";
  }
}

export interface FolderLockDeps {
  readonly processes: ProcessTable;
  readonly clock: Clock;
}

export interface FolderLock {
  /** Grows with every process that takes the folder. */
  readonly number: number;
  /** Aborts with `conflict` when another process has taken the folder, for example because this one was suspended. */
  readonly lost: AbortSignal;
  release(): Promise<void>;
}

export interface FolderLockTimes {
  /** Interval at which a holder checks that it still holds the lock, and touches its file. */
  readonly heartbeatSeconds: number;
  /** Time without a heartbeat after which a holder with another process table is considered dead. */
  readonly silenceSeconds: number;
}

const usualTimes: FolderLockTimes = { heartbeatSeconds: 3, silenceSeconds: 15 };

const lockSchema = z.object({
  /** Tells this lock from a later one of the same number; missing in the files of version 0.1.0, as is `table`. */
  token: z.string().default(""),
  pid: z.int(),
  host: z.string(),
  table: z.string().nullable().default(null),
  /** Start time of the process in kernel ticks. Process ids are reused, in containers almost immediately. */
  began: z.string().nullable(),
  released: z.boolean(),
});
type Holder = z.infer<typeof lockSchema>;

/**
 * Locks a folder for this process. Takes over the lock of a dead holder. A holder on another host or in another container,
 * whose process id means nothing here, is considered dead if its lock file is not touched for `silenceSeconds` on this
 * host's clock. The holder checks with each heartbeat that it still holds the lock.
 *
 * Lock files are named `lock.1`, `lock.2` and so on. The highest number is the current lock. It is never removed, only
 * superseded once its holder is dead or has released it. If several processes find the same dead holder, one of them
 * gets the next number; a process that acted on a stale listing and took a lower number sees the higher one when it
 * lists the folder again.
 *
 * @throws UncoupleError `conflict` naming the process that uses the folder, `failed-precondition` (folder not usable)
 */
export async function lockFolder(
  folder: string,
  deps: FolderLockDeps,
  times: FolderLockTimes = usualTimes,
): Promise<FolderLock> {
  const { processes } = deps;
  const mine: Holder = {
    token: randomUUID(),
    pid: processes.pid,
    host: processes.host,
    table: processes.table,
    began: (await beganAt(processes.pid)) ?? null,
    released: false,
  };
  const scratch = join(folder, `locking-${randomUUID()}`);
  try {
    await makeFolder(folder);
    // Link a complete file instead of opening the lock exclusively, so that other processes never see a partial lock.
    await writeFile(scratch, JSON.stringify(mine));
    const number = await takeNumber(folder, scratch, deps, times);
    return held(folder, number, mine, deps.clock, times);
  } catch (thrown) {
    throw fileError(folder, thrown);
  } finally {
    await rm(scratch, { force: true }).catch(() => {});
  }
}

const lockPath = (folder: string, number: number) => join(folder, `lock.${number}`);

async function takeNumber(
  folder: string,
  scratch: string,
  deps: FolderLockDeps,
  times: FolderLockTimes,
): Promise<number> {
  for (;;) {
    const highest = Math.max(0, ...(await numbers(folder)));
    const holder = highest === 0 ? undefined : await readHolder(lockPath(folder, highest));
    if (holder !== undefined && (await isLiving(lockPath(folder, highest), holder, deps, times))) {
      throw new UncoupleError(
        "conflict",
        `${folder} is in use by the running process ${holder.pid} on ${holder.host}; stop it or use another folder`,
      );
    }
    const number = highest + 1;
    if (!(await linked(scratch, lockPath(folder, number)))) continue;
    const others = await numbers(folder);
    if (others.every((other) => other <= number)) {
      const outnumbered = others.filter((other) => other < number);
      for (const other of outnumbered) await rm(lockPath(folder, other), { force: true });
      return number;
    }
    await rm(lockPath(folder, number), { force: true });
  }
}

function held(folder: string, number: number, mine: Holder, clock: Clock, times: FolderLockTimes): FolderLock {
  const path = lockPath(folder, number);
  const lost = new AbortController();
  /** @returns who has taken the folder, if anybody */
  const successor = async (): Promise<string | undefined> => {
    const highest = Math.max(...(await numbers(folder)));
    if (highest < number) return "nobody: the lock file was removed";
    const holder = await readHolder(lockPath(folder, highest));
    if (holder === undefined) return "an unknown process";
    return holder.token === mine.token ? undefined : `process ${holder.pid} on ${holder.host}`;
  };
  const beat = async () => {
    try {
      const other = await successor();
      if (other !== undefined) {
        beats.cancel();
        lost.abort(new UncoupleError("conflict", `the lock of ${folder} was lost to ${other}`));
        return;
      }
      const now = new Date(clock.now());
      await utimes(path, now, now);
    } catch {
      // A file system that fails for a moment; the next heartbeat may succeed.
    }
  };
  let beating: Promise<void> = Promise.resolve();
  const beats = clock.every(
    times.heartbeatSeconds * 1000,
    () => {
      beating = beating.then(beat);
    },
    { keepsAlive: false },
  );
  let released: Promise<void> | undefined;
  return {
    number,
    lost: lost.signal,
    release() {
      beats.cancel();
      released ??= beating.then(async () => {
        const other = lost.signal.aborted || (await successor().catch(() => undefined)) !== undefined;
        if (!other) await writeDurably(path, JSON.stringify({ ...mine, released: true }));
      });
      return released;
    },
  };
}

async function numbers(folder: string): Promise<number[]> {
  return (await readdir(folder)).flatMap((name) => {
    const match = /^lock\.([1-9][0-9]*)$/.exec(name);
    return match === null ? [] : [Number(match[1])];
  });
}

async function linked(from: string, to: string): Promise<boolean> {
  try {
    await link(from, to);
    return true;
  } catch (thrown) {
    if (errorCode(thrown) === "EEXIST") return false;
    throw thrown;
  }
}

/** Returns undefined if the file has disappeared or is not a valid lock. */
async function readHolder(path: string): Promise<Holder | undefined> {
  try {
    return lockSchema.safeParse(JSON.parse(await readFile(path, "utf8"))).data;
  } catch {
    return undefined;
  }
}

async function isLiving(
  path: string,
  holder: Holder,
  { processes, clock }: FolderLockDeps,
  times: FolderLockTimes,
): Promise<boolean> {
  if (holder.released) return false;
  if (holder.table !== null && holder.table === processes.table) {
    if (!processes.isAlive(holder.pid)) return false;
    const began = await beganAt(holder.pid);
    return began === undefined || holder.began === null || began === holder.began;
  }
  const touched = async () => (await stat(path).catch(() => undefined))?.mtimeMs;
  const before = await touched();
  await clock.sleep(times.silenceSeconds * 1000);
  return (await touched()) !== before;
}

/** Field 22 of /proc/PID/stat (proc(5)); undefined on systems without it. */
async function beganAt(pid: number): Promise<string | undefined> {
  const text = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => undefined);
  // The second field is the command name in parentheses, which can contain any character.
  return text
    ?.slice(text.lastIndexOf(")") + 2)
    .split(" ")
    .at(19);
}
