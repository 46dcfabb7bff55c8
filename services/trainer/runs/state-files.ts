import { readdir, readFile, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { UncoupleError } from "../../common/errors.ts";
import { writeDurably } from "../../common/files/durable-file.ts";
import { errorCode } from "../../common/files/file-trouble.ts";
import { makeFolder } from "../../common/files/make-folder.ts";

/** A file of a trainer's state folder. */
export interface StateFile {
  /** Relative to the folder, with slashes. */
  readonly path: string;
  readonly bytes: Uint8Array;
}

/** The files of a run beside its record. */
const OF_RUN = ["checkpoint.previous.bin", "checkpoint.bin", "report.json"];
/** The files beside the runs. */
const OWN = ["id", "announcements.json", "candidates.json"];
const KNOWN = new RegExp(
  `^(${[
    "id|announcements\\.json|candidates\\.json",
    "runs/[\\w-]+/(run\\.json|report\\.json|checkpoint(\\.previous)?\\.bin)",
    "studies/[\\w-]+/(study\\.json|trials/\\d+(\\.json|(\\.previous)?\\.bin))",
  ].join("|")})$`,
);

/**
 * Reads the state folder of a trainer (`run-store.ts`), which may be running: every file is whole, and the files of a run are
 * as after a crash. Locks are left out.
 */
export async function* readStateFiles(folder: string): AsyncGenerator<StateFile, void, undefined> {
  for (const name of OWN) yield* whole(folder, name);
  const runs = await readdir(join(folder, "runs")).catch(absent);
  for (const run of runs ?? []) {
    const record = `runs/${run}/run.json`;
    // It is read first and comes last: a folder without it is not a run.
    const bytes = await readFile(join(folder, record)).catch(absent);
    if (bytes === undefined) continue;
    for (const name of OF_RUN) yield* whole(folder, `runs/${run}/${name}`);
    yield { path: record, bytes };
  }
  yield* studyFiles(folder);
}

/** Studies, whose records come last, as those of runs. */
async function* studyFiles(folder: string): AsyncGenerator<StateFile, void, undefined> {
  for (const study of (await readdir(join(folder, "studies")).catch(absent)) ?? []) {
    const record = `studies/${study}/study.json`;
    const bytes = await readFile(join(folder, record)).catch(absent);
    if (bytes === undefined) continue;
    for (const name of (await readdir(join(folder, `studies/${study}/trials`)).catch(absent)) ?? []) {
      const path = `studies/${study}/trials/${name}`;
      if (KNOWN.test(path)) yield* whole(folder, path);
    }
    yield { path: record, bytes };
  }
}

/** Whether a state folder has runs. */
export async function hasRuns(folder: string): Promise<boolean> {
  return ((await readdir(join(folder, "runs")).catch(absent)) ?? []).length > 0;
}

/** Removes what `readStateFiles` reads. The caller has locked the folder. */
export async function clearState(folder: string): Promise<void> {
  for (const name of [...OWN, "runs", "studies"]) await rm(join(folder, name), { recursive: true, force: true });
}

/** Writes a file of a state folder that the caller has locked. @throws UncoupleError `data-loss` for any other path */
export async function writeStateFile(folder: string, { path, bytes }: StateFile): Promise<void> {
  if (!KNOWN.test(path)) throw new UncoupleError("data-loss", `${path} is not a file of a trainer's state`);
  await makeFolder(dirname(join(folder, path)));
  await writeDurably(join(folder, path), bytes);
}

async function* whole(folder: string, path: string): AsyncGenerator<StateFile, void, undefined> {
  const bytes = await readFile(join(folder, path)).catch(absent);
  if (bytes !== undefined) yield { path, bytes };
}

function absent(thrown: unknown): undefined {
  if (errorCode(thrown) !== "ENOENT") throw thrown;
}
