import { z } from "zod";
import type { ResolvedSnapshots } from "../../composition/resolve-snapshots.ts";
import type { Run, RunTrigger } from "../../pipeline/run.ts";
import type { TrialId } from "../../pipeline/study.ts";
import type { TeamConfig } from "../../pipeline/team.ts";
import type { Composition } from "../../pipeline/verdict.ts";
import type { TrainingFingerprint } from "../checkpoints/training-fingerprint.ts";

/**
 * Identifies a moment in the store: the positions in its logs. Positions alone are ambiguous: a server that lost its store
 * starts again from 1.
 */
export interface AnnouncementMark {
  /** Id of the run that made the store's first announcement, unique to the store. */
  readonly store: string;
  /** Of the newest announcement. */
  readonly position: number;
  /** Position of the newest verdict; absent in records of version 0.1.0. */
  readonly verdict?: number | undefined;
  /** Position of the newest alias change; absent in records of version 0.1.0. */
  readonly alias?: number | undefined;
  /** Number of the newest release that changed an upstream; absent before the first, and in records of earlier versions. */
  readonly release?: number | undefined;
}

/** The newest request in the ledger that a trainer has handled, of a store as in `AnnouncementMark`. */
export interface LedgerMark {
  readonly store: string;
  readonly position: number;
}

/** A run with everything needed to resume it after a restart: `run.json`. */
export interface StoredRun {
  readonly version: 1;
  /** Order of arrival in the state folder. */
  readonly sequence: number;
  readonly run: Run;
  /** Determines what the run does, even if the trainer's own team file changes. */
  readonly team: TeamConfig;
  /** The snapshots it trains on; null until pinned. */
  readonly pins: ResolvedSnapshots | null;
  /** What its checkpoints depend on. */
  readonly basis: TrainingFingerprint | null;
  /** The engine it last trained on: `RunningEngine.name`. */
  readonly engine: string | null;
  /** Its numerics class; absent in records of earlier versions. */
  readonly numerics?: string;
  /**
   * Attempts since its last checkpoint that have not ended: deaths of the trainer, and the attempt in progress. Absent
   * before the first, and in records of earlier versions.
   */
  readonly attempts?: number;
  /** Snapshots of ancestors that it is to train on, released or not; absent without any, and in records of earlier versions. */
  readonly asked?: Composition;
  /** The gate's request that it answers; absent without one, and in records of earlier versions. */
  readonly candidate?: CandidateOfRun;
  /** The trial whose parameters it trains with; absent without one, and in records of earlier versions. */
  readonly tuning?: TrialId;
  /** The announcement it was queued for. */
  readonly announcement: AnnouncementMark | null;
  /** W3C trace context of the request; absent without one, and in records of earlier versions. */
  readonly traceparent?: string;
  readonly cancelRequested: boolean;
}

/** A gate's request to train on a candidate, as of a run that answers it. */
export interface CandidateOfRun {
  /** `CandidateRun.id`. */
  readonly id: string;
  /** Of the request in the ledger: a request that was cancelled can be made again under its id. */
  readonly position: number;
  /** 1, 2, ...: the runs for the request so far, with this one. */
  readonly tries: number;
}

export interface NewRun {
  readonly trigger: RunTrigger;
  readonly team: TeamConfig;
  /** Ancestor to serial: what it is to train on, checked; the others are those in use. */
  readonly asked?: Composition | undefined;
  readonly candidate?: CandidateOfRun;
  readonly tuning?: TrialId | undefined;
  /** The announcement it is queued for. */
  readonly announcement?: AnnouncementMark;
  /** W3C trace context of the request. */
  readonly traceparent?: string | undefined;
}

/** Creates the record of a new run. @param now ISO 8601 */
export function newStoredRun(id: string, sequence: number, request: NewRun, now: string): StoredRun {
  const { team, trigger, asked, candidate, tuning, traceparent } = request;
  return {
    version: 1,
    sequence,
    run: {
      id,
      component: team.component,
      state: "queued",
      trigger,
      protocol: team.protocol,
      step: 0,
      steps: team.steps,
      loss: null,
      learningRate: null,
      stepsPerSecond: null,
      etaSeconds: null,
      upstream: {},
      snapshot: null,
      waitingFor: null,
      error: null,
      warnings: [],
      queuedAt: now,
      startedAt: null,
      finishedAt: null,
    },
    team,
    pins: null,
    basis: null,
    engine: null,
    ...(asked !== undefined && { asked }),
    ...(candidate !== undefined && { candidate }),
    ...(tuning !== undefined && { tuning }),
    announcement: request.announcement ?? null,
    ...(traceparent !== undefined && { traceparent }),
    cancelRequested: false,
  };
}

export const announcementMarkSchema: z.ZodType<AnnouncementMark> = z.object({
  store: z.string(),
  position: z.number(),
  verdict: z.number().optional(),
  alias: z.number().optional(),
  release: z.number().optional(),
});

export const ledgerMarkSchema: z.ZodType<LedgerMark> = z.object({ store: z.string(), position: z.number() });

/** Only this program writes `run.json`, so this checks just that the record is complete and of this version. */
const storedSchema = z.looseObject({
  version: z.literal(1),
  sequence: z.int(),
  run: z.looseObject({ id: z.string(), component: z.string(), state: z.string(), steps: z.int() }),
  team: z.looseObject({
    component: z.string(),
    optimiser: z.looseObject({ name: z.string() }),
    protocol: z.looseObject({ name: z.string() }),
  }),
  pins: z.looseObject({ upstream: z.record(z.string(), z.int()), parent: z.int().nullable() }).nullable(),
  basis: z.looseObject({ rows: z.string() }).nullable(),
  asked: z.record(z.string(), z.int()).optional(),
  candidate: z.looseObject({ id: z.string(), position: z.number(), tries: z.int() }).optional(),
  tuning: z.looseObject({ study: z.string(), trial: z.int() }).optional(),
  announcement: announcementMarkSchema.nullable(),
  cancelRequested: z.boolean(),
});

/** Formats `run.json`, whose key of the optimizer is spelled `team.optimiser`. */
export function formatStoredRun({ team: { optimizer, ...team }, ...stored }: StoredRun): string {
  return `${JSON.stringify({ ...stored, team: { ...team, optimiser: optimizer } }, undefined, 2)}\n`;
}

/** Parses `run.json`; undefined if it is not a complete record of this version. */
export function parseStoredRun(text: string): StoredRun | undefined {
  try {
    const { team, run, ...stored } = storedSchema.parse(JSON.parse(text));
    const { optimiser, ...rest } = team;
    // Records of version 0.1.0 do not say what a run waits for.
    const known = { waitingFor: null, ...run };
    return { ...stored, run: known, team: { ...rest, optimizer: optimiser } } as unknown as StoredRun;
  } catch {
    return undefined;
  }
}
