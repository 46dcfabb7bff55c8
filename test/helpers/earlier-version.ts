import { execFile } from "node:child_process";
import { mkdtemp, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { promisify } from "node:util";

const run = promisify(execFile);
const root = resolve(import.meta.dirname, "../..");

/** The program of an earlier commit, built in a temporary folder. */
export interface EarlierVersion {
  /** Imports a module of it. The types are those of today: the caller knows what was different. */
  module<T>(path: string): Promise<T>;
  remove(): Promise<void>;
}

/** @returns undefined if this checkout has no such commit, for example because it is shallow */
export async function buildEarlierVersion(commit: string): Promise<EarlierVersion | undefined> {
  const known = await run("git", ["cat-file", "-e", `${commit}^{commit}`], { cwd: root }).then(
    () => true,
    () => false,
  );
  if (!known) return undefined;
  const folder = await mkdtemp(join(tmpdir(), "uncouple-earlier-"));
  const remove = () => rm(folder, { recursive: true, force: true });
  try {
    const archive = join(folder, "source.tar");
    await run("git", ["archive", "--output", archive, commit], { cwd: root });
    await run("tar", ["xf", archive], { cwd: folder });
    await symlink(join(root, "node_modules"), join(folder, "node_modules"));
    await run(process.execPath, [join(root, "node_modules/typescript/bin/tsc"), "-p", "tsconfig.build.json"], {
      cwd: folder,
    });
  } catch (error) {
    await remove();
    throw error;
  }
  return {
    module: async <T>(path: string) =>
      (await import(/* @vite-ignore */ pathToFileURL(join(folder, "dist/services", path)).href)) as T,
    remove,
  };
}
