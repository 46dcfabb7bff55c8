import { z } from "zod";
import type { ResolvedSnapshots } from "../../composition/resolve-snapshots.ts";
import type { Run, RunTrigger } from "../../pipeline/run.ts";
import type { TeamConfig } from "../../pipeline/team.ts";
import type { TrainingFingerprint } from "../checkpoints/training-fingerprint.ts";

/** The place of an announcement. A NATS server that lost its store numbers announcements from 1 again. */
export interface AnnouncementMark {
  /** The run that made the first announcement of the store, which no other store has. */
  readonly store: string;
  readonly position: number;
}

/** A run with what it takes to go on with it after a restart: run.json. */
export interface StoredRun {
  readonly version: 1;
  /** Order of arrival within the state folder. */
  readonly sequence: number;
  readonly run: Run;
  /** All that the run does is decided by this, whatever the trainer's own team file says by then. */
  readonly team: TeamConfig;
  readonly pins: ResolvedSnapshots | null;
  /** What its checkpoints were made from. */
  readonly basis: TrainingFingerprint | null;
  /** The engine that it began on. */
  readonly engine: string | null;
  /** The announcement that it was queued for. */
  readonly announcement: AnnouncementMark | null;
  readonly cancelRequested: boolean;
}

export interface NewRun {
  readonly trigger: RunTrigger;
  readonly team: TeamConfig;
  /** The announcement that it is queued for. */
  readonly announcement?: AnnouncementMark;
}

/** A run that has just arrived. @param now ISO 8601 */
export function newStoredRun(id: string, sequence: number, request: NewRun, now: string): StoredRun {
  const { team, trigger } = request;
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
    announcement: request.announcement ?? null,
    cancelRequested: false,
  };
}

export const announcementMarkSchema: z.ZodType<AnnouncementMark> = z.object({
  store: z.string(),
  position: z.number(),
});

/** Run.json is written by this program alone: what is checked is that it is whole and of this version. */
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
  announcement: announcementMarkSchema.nullable(),
  cancelRequested: z.boolean(),
});

/** The text of run.json, which spells the optimizer's key as it did from the start: `team.optimiser`. */
export function formatStoredRun({ team: { optimizer, ...team }, ...stored }: StoredRun): string {
  return `${JSON.stringify({ ...stored, team: { ...team, optimiser: optimizer } }, undefined, 2)}\n`;
}

/** Undefined for a text that is not a whole record of this version. */
export function parseStoredRun(text: string): StoredRun | undefined {
  try {
    const { team, ...stored } = storedSchema.parse(JSON.parse(text));
    const { optimiser, ...rest } = team;
    return { ...stored, team: { ...rest, optimizer: optimiser } } as unknown as StoredRun;
  } catch {
    return undefined;
  }
}
