import { readdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import type { z } from "zod";
import { removeUnfinished } from "../../common/files/atomic-write.ts";
import { fileError, writeDurably } from "../../common/files/durable-file.ts";
import { errorCode } from "../../common/files/file-trouble.ts";
import { makeFolder } from "../../common/files/make-folder.ts";
import type { TrainingCheckpoint } from "../../learning/training/training-progress.ts";
import type { Logger } from "../../runtime/logs.ts";
import { checkpointFiles } from "../checkpoints/checkpoint-files.ts";
import { createWriteTurns } from "../checkpoints/write-turns.ts";
import { parseStoredReport, type StoredReport } from "./stored-report.ts";
import {
  type AnnouncementMark,
  announcementMarkSchema,
  formatStoredRun,
  type LedgerMark,
  ledgerMarkSchema,
  parseStoredRun,
  type StoredRun,
} from "./stored-run.ts";

/**
 * A trainer's persistent state in `<stateDir>/<pipeline>/<component>/`: `runs/<id>/run.json`,
 * `runs/<id>/report.json`, `runs/<id>/checkpoint.bin` and its predecessor, `announcements.json` and `candidates.json`. Changes are durable when a call returns; a
 * crash during a call leaves the previous state.
 */
export interface RunStore {
  /**
   * Loads every run in the folder, in order of arrival. Logs and skips unreadable records, and removes files that a
   * crash left unfinished. Call it before saving anything.
   */
  load(): Promise<readonly StoredRun[]>;
  /** Saves a run's record. Calls for one run execute in order. */
  save(stored: StoredRun): Promise<void>;
  /** Deletes a run with its checkpoints. */
  remove(id: string): Promise<void>;
  saveReport(id: string, report: StoredReport): Promise<void>;
  /** What was saved last; undefined without it, or if it cannot be read. */
  loadReport(id: string): Promise<StoredReport | undefined>;
  saveCheckpoint(id: string, checkpoint: TrainingCheckpoint): Promise<void>;
  /** The newest undamaged checkpoint, if any. */
  loadCheckpoint(id: string): Promise<TrainingCheckpoint | undefined>;
  removeCheckpoints(id: string): Promise<void>;
  /** The last handled announcement; undefined initially. */
  announcementSeen(): Promise<AnnouncementMark | undefined>;
  saveAnnouncementSeen(mark: AnnouncementMark): Promise<void>;
  /** The last handled request of a gate; undefined initially. */
  candidateSeen(): Promise<LedgerMark | undefined>;
  saveCandidateSeen(mark: LedgerMark): Promise<void>;
}

/** @param folder of one component of one pipeline, locked by the caller */
export function createRunStore(folder: string, log: Logger): RunStore {
  const runs = join(folder, "runs");
  const folderOf = (id: string) => join(runs, id);
  const reportOf = (id: string) => join(folderOf(id), "report.json");
  const checkpoints = (id: string) => checkpointFiles(join(folderOf(id), "checkpoint"), { run: id }, log);
  const announcements = join(folder, "announcements.json");
  const candidates = join(folder, "candidates.json");
  const enqueue = createWriteTurns();

  /** @param what entries that are handled again without it */
  async function readMark<T>(path: string, schema: z.ZodType<T>, what: string): Promise<T | undefined> {
    try {
      return schema.parse(JSON.parse(await readFile(path, "utf8")));
    } catch (thrown) {
      if (errorCode(thrown) !== "ENOENT")
        log.warn({ error: thrown }, `cannot read ${path}; handling all ${what} again`);
      return undefined;
    }
  }

  const saveMark = (path: string, mark: AnnouncementMark | LedgerMark) =>
    enqueue(path, () => writeDurably(path, `${JSON.stringify(mark)}\n`));

  return {
    async load() {
      try {
        await makeFolder(runs);
        await removeUnfinished(folder);
        const found: StoredRun[] = [];
        for (const entry of await readdir(runs, { withFileTypes: true })) {
          if (!entry.isDirectory()) continue;
          const id = entry.name;
          await removeUnfinished(folderOf(id));
          const path = join(folderOf(id), "run.json");
          const text = await readFile(path, "utf8").catch((thrown: unknown) => {
            if (errorCode(thrown) === "ENOENT") return undefined;
            throw thrown;
          });
          const stored = text === undefined ? undefined : parseStoredRun(text);
          if (stored?.run.id === id) found.push(stored);
          else if (text !== undefined) log.error({ run: id }, `${path} is not a valid run record; skipping the run`);
          // A run that was never acknowledged, or whose deletion was interrupted.
          else await rm(folderOf(id), { recursive: true, force: true });
        }
        return found.sort((a, b) => a.sequence - b.sequence);
      } catch (thrown) {
        throw fileError(runs, thrown);
      }
    },
    save(stored) {
      const { id } = stored.run;
      return enqueue(id, async () => {
        await makeFolder(folderOf(id));
        await writeDurably(join(folderOf(id), "run.json"), formatStoredRun(stored));
      });
    },
    remove: (id) =>
      enqueue(id, async () => {
        // The record goes first: a folder without one is not a run.
        await rm(join(folderOf(id), "run.json"), { force: true });
        await rm(folderOf(id), { recursive: true, force: true });
      }),
    saveReport: (id, report) => enqueue(id, () => writeDurably(reportOf(id), `${JSON.stringify(report)}\n`)),
    async loadReport(id) {
      const text = await readFile(reportOf(id), "utf8").catch((thrown: unknown) => {
        if (errorCode(thrown) === "ENOENT") return undefined;
        throw fileError(reportOf(id), thrown);
      });
      return text === undefined ? undefined : parseStoredReport(text);
    },
    saveCheckpoint: (id, checkpoint) => enqueue(id, () => checkpoints(id).save(checkpoint)),
    loadCheckpoint: (id) => checkpoints(id).load(),
    removeCheckpoints: (id) => enqueue(id, () => checkpoints(id).remove()),
    announcementSeen: () => readMark(announcements, announcementMarkSchema, "announcements"),
    saveAnnouncementSeen: (mark) => saveMark(announcements, mark),
    candidateSeen: () => readMark(candidates, ledgerMarkSchema, "requests to train on candidates"),
    saveCandidateSeen: (mark) => saveMark(candidates, mark),
  };
}
