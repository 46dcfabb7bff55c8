import { createNotifier, type Notifier } from "../../common/async/notifier.ts";
import type { Clock } from "../../common/clock/clock.ts";
import { UncoupleError } from "../../common/errors.ts";
import type { SearchParameters } from "../../pipeline/search.ts";
import type { Study, Trial } from "../../pipeline/study.ts";
import type { StoredStudy, StoredTrial } from "./stored-study.ts";
import type { LoadedStudy, StudyStore } from "./study-store.ts";

/** Progress is shown at most this often. */
const SHOW_MS = 200;

/** A study as it is now, on disk and for those who watch it. */
export interface StudyEntry {
  readonly id: string;
  stored(): StoredStudy;
  trials(): readonly StoredTrial[];
  /** @param number from 1 */
  trial(number: number): StoredTrial;
  study(): Study;
  /** Changes the study; durable when it returns. */
  record(study: Partial<StoredStudy["study"]>, stored?: Partial<Pick<StoredStudy, "pins" | "basis">>): Promise<void>;
  /** Changes a trial; durable when it returns. */
  recordTrial(number: number, trial: Partial<Trial>, stored?: Partial<Omit<StoredTrial, "trial">>): Promise<void>;
  /** Changes a trial for watchers only. */
  showTrial(number: number, trial: Partial<Trial>): void;
  /** Adds a waiting trial; durable when it returns. */
  addTrial(parameters: SearchParameters, external: boolean): Promise<Trial>;
  /** Notifies of every change. */
  readonly changed: Notifier;
}

/** @param onSaved called after each change that is durable */
export function createStudyEntry(
  loaded: LoadedStudy,
  store: Pick<StudyStore, "saveStudy" | "saveTrial">,
  clock: Clock,
  onSaved: (entry: StudyEntry) => void,
): StudyEntry {
  let { stored } = loaded;
  const trials = [...loaded.trials];
  const changed = createNotifier();
  let shownAt = Number.NEGATIVE_INFINITY;
  const { id } = stored.study;

  const trial = (number: number): StoredTrial => {
    const found = trials[number - 1];
    if (found === undefined) throw new UncoupleError("internal", `study ${id} has no trial ${number}`);
    return found;
  };
  const change = (number: number, to: Partial<Trial>, rest: Partial<Omit<StoredTrial, "trial">> = {}): StoredTrial => {
    const before = trial(number);
    const after = { ...before, ...rest, trial: { ...before.trial, ...to } };
    trials[number - 1] = after;
    return after;
  };
  const entry: StudyEntry = {
    id,
    changed,
    stored: () => stored,
    trials: () => trials,
    trial,
    study: () => ({ ...stored.study, trials: trials.map((each) => each.trial) }),
    async record(study, rest = {}) {
      stored = { ...stored, ...rest, study: { ...stored.study, ...study } };
      changed.notify();
      await store.saveStudy(stored);
      onSaved(entry);
    },
    async recordTrial(number, to, rest) {
      const after = change(number, to, rest);
      await store.saveTrial(id, after);
      changed.notify();
      onSaved(entry);
    },
    showTrial(number, to) {
      change(number, to);
      const now = clock.elapsed();
      if (now - shownAt < SHOW_MS) return;
      shownAt = now;
      changed.notify();
    },
    async addTrial(parameters, external) {
      const added = newTrial(trials.length + 1, parameters, external);
      // Takes its number before it waits for the disk.
      trials.push(added);
      await store.saveTrial(id, added);
      changed.notify();
      onSaved(entry);
      return added.trial;
    },
  };
  return entry;
}

export function newTrial(number: number, parameters: SearchParameters, external: boolean): StoredTrial {
  return {
    version: 1,
    trial: {
      trial: number,
      state: "waiting",
      parameters,
      value: null,
      steps: 0,
      planned: 0,
      seconds: 0,
      measured: [],
      error: null,
      external,
    },
    attempts: 0,
    engine: null,
    numerics: null,
  };
}
