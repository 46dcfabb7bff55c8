import { z } from "zod";
import type { ResolvedSnapshots } from "../../composition/resolve-snapshots.ts";
import type { Study, Trial } from "../../pipeline/study.ts";
import type { TrainingFingerprint } from "../checkpoints/training-fingerprint.ts";

/** A study with everything needed to go on with it after a restart, apart from its trials: `study.json`. */
export interface StoredStudy {
  readonly version: 1;
  /** Order of arrival in the state folder. */
  readonly sequence: number;
  readonly study: Omit<Study, "trials">;
  /** The snapshots that all trials train on; null until pinned. */
  readonly pins: ResolvedSnapshots | null;
  /** What all trials depend on; null until the first. */
  readonly basis: TrainingFingerprint | null;
}

/** A trial with what its resumption needs: `trials/N.json`. */
export interface StoredTrial {
  readonly version: 1;
  readonly trial: Trial;
  /** Deaths of the trainer during the trial since its last checkpoint or measurement, and the attempt in progress. */
  readonly attempts: number;
  /** The engine it last trained on and its numerics class, as of a run. */
  readonly engine: string | null;
  readonly numerics: string | null;
}

const studySchema = z.looseObject({
  version: z.literal(1),
  sequence: z.int(),
  study: z.looseObject({
    id: z.string(),
    component: z.string(),
    state: z.string(),
    wanted: z.int(),
    parallel: z.int(),
    teamFile: z.string(),
  }),
  pins: z.looseObject({ upstream: z.record(z.string(), z.int()), parent: z.int().nullable() }).nullable(),
  basis: z.looseObject({ rows: z.string() }).nullable(),
});
const trialSchema = z.looseObject({
  version: z.literal(1),
  trial: z.looseObject({ trial: z.int(), state: z.string(), parameters: z.record(z.string(), z.json()) }),
  attempts: z.int(),
});

export const formatRecord = (record: StoredStudy | StoredTrial): string => `${JSON.stringify(record, undefined, 2)}\n`;

/** Parses `study.json`; undefined if it is not a complete record of this version. Only this program writes it. */
export function parseStoredStudy(text: string): StoredStudy | undefined {
  return parsed(studySchema, text) as StoredStudy | undefined;
}

/** Parses `trials/N.json`; undefined if it is not a complete record of this version. */
export function parseStoredTrial(text: string): StoredTrial | undefined {
  return parsed(trialSchema, text) as StoredTrial | undefined;
}

function parsed(schema: z.ZodType, text: string): unknown {
  try {
    return schema.parse(JSON.parse(text));
  } catch {
    return undefined;
  }
}
