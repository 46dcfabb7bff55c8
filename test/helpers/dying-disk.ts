import fs from "node:fs/promises";
import { syncBuiltinESMExports } from "node:module";

type Change = (...args: unknown[]) => Promise<unknown>;
const CHANGES = ["mkdir", "rename", "symlink", "link", "rm", "utimes", "writeFile"] as const;

/**
 * Every change of this process to files, as a process sees it that is killed: after so many changes, no further one happens.
 * Real files otherwise.
 */
export interface DyingDisk {
  /** Lets so many changes happen, and only half of the next one if it writes a file. */
  dieAfter(changes: number): void;
  isDead(): boolean;
  /** A new process. */
  revive(): void;
  /** Puts Node's functions back. */
  restore(): void;
}

export function createDyingDisk(): DyingDisk {
  let left = Number.POSITIVE_INFINITY;
  let dead = false;
  const killed = () => new Error("killed");
  const died = () => {
    if (!dead && left-- > 0) return false;
    dead = true;
    return true;
  };
  const originals = Object.fromEntries([...CHANGES, "open"].map((name) => [name, Reflect.get(fs, name) as Change]));
  const patched: Record<string, Change> = {};
  for (const name of CHANGES) {
    patched[name] = async (...args) => {
      const original = originals[name] as Change;
      const alreadyDead = dead;
      if (!died()) return original(...args);
      if (name === "writeFile" && !alreadyDead && (typeof args[1] === "string" || args[1] instanceof Uint8Array)) {
        await original(args[0], args[1].slice(0, args[1].length / 2));
      }
      throw killed();
    };
  }
  patched.open = async (...args) => {
    if (args[1] !== "r" && died()) throw killed();
    const file = (await (originals.open as Change)(...args)) as fs.FileHandle;
    const sync = file.sync.bind(file);
    file.sync = async () => {
      if (died()) throw killed();
      return sync();
    };
    return file;
  };
  Object.assign(fs, patched);
  syncBuiltinESMExports();
  return {
    dieAfter(changes) {
      left = changes;
    },
    isDead: () => dead,
    revive() {
      left = Number.POSITIVE_INFINITY;
      dead = false;
    },
    restore() {
      Object.assign(fs, originals);
      syncBuiltinESMExports();
    },
  };
}
