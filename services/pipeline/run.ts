import type { ErrorCode } from "../common/errors.ts";
import type { ProtocolSpec } from "./team.ts";

/**
 * queued -> (waiting ->) running -> publishing -> succeeded, and from any of the first four -> failed or cancelled.
 * `waiting`: the run waits for a verdict on an upstream snapshot, or, under the sync protocol, for the lease that lets one
 * component of the pipeline train at a time.
 * A run interrupted by a shutdown or a crash keeps its state on disk and resumes when the trainer restarts.
 */
export type RunState = "queued" | "waiting" | "running" | "publishing" | "succeeded" | "failed" | "cancelled";

/** The terminal states of a run. */
export const ENDED_STATES = ["succeeded", "failed", "cancelled"] as const satisfies readonly RunState[];

export function hasEnded({ state }: Pick<Run, "state">): boolean {
  return (ENDED_STATES as readonly RunState[]).includes(state);
}

/** `candidate`: a gate's request to train on a snapshot that is not released. */
export const RUN_TRIGGERS = ["request", "interval", "upstream", "candidate"] as const;
export type RunTrigger = (typeof RUN_TRIGGERS)[number];

/** How far a training is that runs in units. */
export interface UnitCount {
  /** The round in progress, from 1, and rounds in all. */
  readonly round: number;
  readonly rounds: number;
  /** Units of this round that are done, and its units: one a slot. */
  readonly done: number;
  readonly slots: number;
}

/** A training run. */
export interface Run {
  readonly id: string;
  readonly component: string;
  readonly state: RunState;
  readonly trigger: RunTrigger;
  readonly protocol: ProtocolSpec;
  readonly step: number;
  readonly steps: number;
  /** Mean loss over the latest chunk; null before the first. Units: the loss on standardized outputs. */
  readonly loss: number | null;
  readonly learningRate: number | null;
  readonly stepsPerSecond: number | null;
  readonly etaSeconds: number | null;
  /** Absent unless the team has workers. */
  readonly units?: UnitCount;
  /** Component to serial: the upstream snapshots, pinned when the run starts; empty before. */
  readonly upstream: Readonly<Record<string, number>>;
  /** The published serial. */
  readonly snapshot: number | null;
  /** What a `waiting` run waits for; null in other states. */
  readonly waitingFor: string | null;
  readonly error: { readonly code: ErrorCode; readonly message: string } | null;
  /** Problems that did not stop the run: a support warning, an unavailable engine. */
  readonly warnings: readonly string[];
  readonly queuedAt: string;
  readonly startedAt: string | null;
  readonly finishedAt: string | null;
}
