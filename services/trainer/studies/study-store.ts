import { readdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { removeUnfinished } from "../../common/files/atomic-write.ts";
import { fileError, writeDurably } from "../../common/files/durable-file.ts";
import { makeFolder } from "../../common/files/make-folder.ts";
import type { TrainingCheckpoint } from "../../learning/training/training-progress.ts";
import type { Logger } from "../../runtime/logs.ts";
import { checkpointFiles } from "../checkpoints/checkpoint-files.ts";
import { createWriteTurns } from "../checkpoints/write-turns.ts";
import {
  formatRecord,
  parseStoredStudy,
  parseStoredTrial,
  type StoredStudy,
  type StoredTrial,
} from "./stored-study.ts";

/** A study and its trials, in order. */
export interface LoadedStudy {
  readonly stored: StoredStudy;
  readonly trials: readonly StoredTrial[];
}

/**
 * A component's studies in `<stateDir>/<pipeline>/<component>/studies/<id>/`: `study.json`, and for each trial `trials/N.json`,
 * its checkpoint `trials/N.bin` and the one before it. Changes are durable when a call returns; a crash during a call leaves
 * the previous state.
 */
export interface StudyStore {
  /** Loads every study, in order of arrival. Logs and skips unreadable records. Call it before saving anything. */
  load(): Promise<readonly LoadedStudy[]>;
  saveStudy(stored: StoredStudy): Promise<void>;
  saveTrial(study: string, stored: StoredTrial): Promise<void>;
  /** Deletes a study with its trials. */
  remove(study: string): Promise<void>;
  saveCheckpoint(study: string, trial: number, checkpoint: TrainingCheckpoint): Promise<void>;
  /** The newest undamaged checkpoint, if any. */
  loadCheckpoint(study: string, trial: number): Promise<TrainingCheckpoint | undefined>;
  removeCheckpoints(study: string, trial: number): Promise<void>;
}

/** @param folder of one component of one pipeline, locked by the caller */
export function createStudyStore(folder: string, log: Logger): StudyStore {
  const studies = join(folder, "studies");
  const folderOf = (study: string) => join(studies, study);
  const trialsOf = (study: string) => join(folderOf(study), "trials");
  const record = (study: string) => join(folderOf(study), "study.json");
  const checkpoints = (study: string, trial: number) =>
    checkpointFiles(join(trialsOf(study), `${trial}`), { study, trial }, log);
  const inTurn = createWriteTurns();

  async function loadStudy(id: string): Promise<LoadedStudy | undefined> {
    await makeFolder(trialsOf(id));
    await removeUnfinished(folderOf(id));
    await removeUnfinished(trialsOf(id));
    const names = await readdir(folderOf(id));
    // A crash before its record was written: not a study.
    if (!names.includes("study.json")) return undefined;
    const stored = parseStoredStudy(await readFile(record(id), "utf8"));
    if (stored === undefined) {
      log.warn({ study: id }, `${record(id)} is not a record of this version; skipping the study`);
      return undefined;
    }
    const trials: StoredTrial[] = [];
    for (const name of await readdir(trialsOf(id))) {
      if (!name.endsWith(".json")) continue;
      const path = join(trialsOf(id), name);
      const trial = parseStoredTrial(await readFile(path, "utf8"));
      if (trial === undefined) log.warn({ study: id }, `${path} is not a record of this version; trying it again`);
      else trials.push(trial);
    }
    return { stored, trials: trials.sort((a, b) => a.trial.trial - b.trial.trial) };
  }

  return {
    async load() {
      try {
        await makeFolder(studies);
        const found: LoadedStudy[] = [];
        for (const entry of await readdir(studies, { withFileTypes: true })) {
          const study = entry.isDirectory() ? await loadStudy(entry.name) : undefined;
          if (study !== undefined) found.push(study);
        }
        return found.sort((a, b) => a.stored.sequence - b.stored.sequence);
      } catch (thrown) {
        throw fileError(studies, thrown);
      }
    },
    saveStudy(stored) {
      const { id } = stored.study;
      return inTurn(id, async () => {
        await makeFolder(trialsOf(id));
        await writeDurably(record(id), formatRecord(stored));
      });
    },
    saveTrial(study, stored) {
      const { trial } = stored.trial;
      return inTurn(`${study}/${trial}`, () =>
        writeDurably(join(trialsOf(study), `${trial}.json`), formatRecord(stored)),
      );
    },
    remove: (study) =>
      inTurn(study, async () => {
        // The record goes first: a folder without one is not a study.
        await rm(record(study), { force: true });
        await rm(folderOf(study), { recursive: true, force: true });
      }),
    saveCheckpoint: (study, trial, checkpoint) =>
      inTurn(`${study}/${trial}/checkpoint`, () => checkpoints(study, trial).save(checkpoint)),
    loadCheckpoint: (study, trial) => checkpoints(study, trial).load(),
    removeCheckpoints: (study, trial) =>
      inTurn(`${study}/${trial}/checkpoint`, () => checkpoints(study, trial).remove()),
  };
}
