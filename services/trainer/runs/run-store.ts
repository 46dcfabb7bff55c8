import { readdir, readFile, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { asUncoupleError } from "../../common/errors.ts";
import { removeUnfinished } from "../../common/files/atomic-write.ts";
import { fileError, writeDurably } from "../../common/files/durable-file.ts";
import { errorCode } from "../../common/files/file-trouble.ts";
import { makeFolder } from "../../common/files/make-folder.ts";
import type { TrainingCheckpoint } from "../../learning/training/training-progress.ts";
import type { Logger } from "../../runtime/logs.ts";
import { decodeCheckpoint, encodeCheckpoint } from "../checkpoints/checkpoint-codec.ts";
import {
  type AnnouncementMark,
  announcementMarkSchema,
  formatStoredRun,
  parseStoredRun,
  type StoredRun,
} from "./stored-run.ts";

/**
 * What a trainer remembers between its lives, in `<stateDir>/<pipeline>/<component>/`: `runs/<id>/run.json`,
 * `runs/<id>/checkpoint.bin` with the one before it, and `announcements.json`. A call that has returned is safe from a
 * crash; a crash during a call leaves what was there before.
 */
export interface RunStore {
  /**
   * Every run in the folder, in order of arrival. A record that cannot be read is logged and left where it is; what a
   * crash has left unfinished is removed. Before anything is saved.
   */
  load(): Promise<readonly StoredRun[]>;
  /** Calls for one run are carried out one after the other. */
  save(stored: StoredRun): Promise<void>;
  /** Forgets a run. */
  remove(id: string): Promise<void>;
  saveCheckpoint(id: string, checkpoint: TrainingCheckpoint): Promise<void>;
  /** The newest checkpoint that is whole, if there is one. */
  loadCheckpoint(id: string): Promise<TrainingCheckpoint | undefined>;
  removeCheckpoints(id: string): Promise<void>;
  /** The last announcement that was dealt with; undefined at first. */
  announcementSeen(): Promise<AnnouncementMark | undefined>;
  saveAnnouncementSeen(mark: AnnouncementMark): Promise<void>;
}

/** @param folder of one component of one pipeline, locked by the caller */
export function createRunStore(folder: string, log: Logger): RunStore {
  const runs = join(folder, "runs");
  const folderOf = (id: string) => join(runs, id);
  const newest = (id: string) => join(folderOf(id), "checkpoint.bin");
  const previous = (id: string) => join(folderOf(id), "checkpoint.previous.bin");
  const seen = join(folder, "announcements.json");
  const writing = new Map<string, Promise<void>>();

  /** One write of a run at a time, in the order of the calls. */
  function inTurn(id: string, work: () => Promise<void>): Promise<void> {
    const turn = (writing.get(id) ?? Promise.resolve()).catch(() => {}).then(work);
    writing.set(id, turn);
    const clear = () => {
      if (writing.get(id) === turn) writing.delete(id);
    };
    turn.then(clear, clear);
    return turn;
  }

  async function readCheckpoint(path: string, id: string): Promise<TrainingCheckpoint | undefined> {
    try {
      return await decodeCheckpoint(await readFile(path));
    } catch (thrown) {
      if (errorCode(thrown) === "ENOENT") return undefined;
      const error = asUncoupleError(thrown);
      log.warn({ run: id, error }, `${path}: ${error.message}; an older one is used, or the run begins again`);
      return undefined;
    }
  }

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
          else if (text !== undefined) log.error({ run: id }, `${path} cannot be read; the run is left aside`);
          // A run that was never acknowledged, or one half forgotten.
          else await rm(folderOf(id), { recursive: true, force: true });
        }
        return found.sort((a, b) => a.sequence - b.sequence);
      } catch (thrown) {
        throw fileError(runs, thrown);
      }
    },
    save(stored) {
      const { id } = stored.run;
      return inTurn(id, async () => {
        await makeFolder(folderOf(id));
        await writeDurably(join(folderOf(id), "run.json"), formatStoredRun(stored));
      });
    },
    remove: (id) =>
      inTurn(id, async () => {
        // The record first: a folder without one is not a run.
        await rm(join(folderOf(id), "run.json"), { force: true });
        await rm(folderOf(id), { recursive: true, force: true });
      }),
    saveCheckpoint: (id, checkpoint) =>
      inTurn(id, async () => {
        await writeDurably(newest(id), await encodeCheckpoint(checkpoint), async () => {
          await rename(newest(id), previous(id)).catch((thrown: unknown) => {
            if (errorCode(thrown) !== "ENOENT") throw thrown;
          });
        });
      }),
    loadCheckpoint: async (id) => (await readCheckpoint(newest(id), id)) ?? (await readCheckpoint(previous(id), id)),
    removeCheckpoints: (id) =>
      inTurn(id, async () => {
        await rm(newest(id), { force: true });
        await rm(previous(id), { force: true });
      }),
    async announcementSeen() {
      try {
        return announcementMarkSchema.parse(JSON.parse(await readFile(seen, "utf8")));
      } catch (thrown) {
        if (errorCode(thrown) !== "ENOENT") {
          log.warn({ error: thrown }, `${seen} cannot be read; every announcement is looked at again`);
        }
        return undefined;
      }
    },
    saveAnnouncementSeen: (mark) => inTurn("", () => writeDurably(seen, `${JSON.stringify(mark)}\n`)),
  };
}
