import type { ErrorCode } from "../common/errors.ts";
import type { SearchParameters } from "./search.ts";

/**
 * waiting -> running -> complete (all steps), stopped (it had stopped improving), pruned (others were better) or failed. A
 * trial that is interrupted is waiting again, and resumes from its checkpoint.
 */
export type TrialState = "waiting" | "running" | "complete" | "stopped" | "pruned" | "failed";
export const TRIAL_STATES = ["waiting", "running", "complete", "stopped", "pruned", "failed"] as const;

/** A loss on the validation rows, on the way. */
export interface Measurement {
  /** Steps done. */
  readonly step: number;
  readonly value: number;
}

/** One configuration that is trained and measured. It publishes nothing. */
export interface Trial {
  /** From 1, in the order of the study. */
  readonly trial: number;
  readonly state: TrialState;
  /** The keys of the team file that it sets. */
  readonly parameters: SearchParameters;
  /** Mean of the component's own loss over the validation rows; of the best measurement if it stopped. Null before the end. */
  readonly value: number | null;
  /** Steps done; of a trial that stopped, those of its value. */
  readonly steps: number;
  /** Of its training, 0 before its configuration is known. */
  readonly planned: number;
  /** Time spent on it, all attempts together. */
  readonly seconds: number;
  /** In order. */
  readonly measured: readonly Measurement[];
  readonly error: { readonly code: ErrorCode; readonly message: string } | null;
  /** Whether a sampler outside chose its parameters, which then also decides when it ends. */
  readonly external: boolean;
}

/** `waiting`: for a verdict on an upstream snapshot, or its release. `stopped`: on request; it can go on. */
export type StudyState = "waiting" | "running" | "complete" | "stopped" | "failed";

/** A search for the parameters of a component's training. */
export interface Study {
  readonly id: string;
  readonly component: string;
  readonly state: StudyState;
  /** Trials that the study samples, in all. */
  readonly wanted: number;
  /** Trials at a time. */
  readonly parallel: number;
  /** In order; those of samplers outside among them. */
  readonly trials: readonly Trial[];
  /** Component to serial: the upstream snapshots that all trials train on; empty before they are pinned. */
  readonly upstream: Readonly<Record<string, number>>;
  /** Rows that trials train on and are measured on; null before they are read. */
  readonly rows: { readonly fit: number; readonly validation: number } | null;
  /** What a `waiting` study waits for. */
  readonly waitingFor: string | null;
  readonly error: { readonly code: ErrorCode; readonly message: string } | null;
  /** The team file, with its search. */
  readonly teamFile: string;
  /** ISO 8601. */
  readonly startedAt: string;
  readonly finishedAt: string | null;
}

/** Names a trial, in the provenance of what was trained with its parameters. */
export interface TrialId {
  readonly study: string;
  readonly trial: number;
}

export function trialHasEnded({ state }: Pick<Trial, "state">): boolean {
  return state !== "waiting" && state !== "running";
}

/** Whether the study goes on by itself. */
export function isActive({ state }: Pick<Study, "state">): boolean {
  return state === "waiting" || state === "running";
}

/** The trial with the lowest value, of those that were neither pruned nor failed; the first of equals. */
export function bestTrial({ trials }: Pick<Study, "trials">): (Trial & { readonly value: number }) | undefined {
  let best: (Trial & { readonly value: number }) | undefined;
  for (const trial of trials) {
    const { state, value } = trial;
    if ((state !== "complete" && state !== "stopped") || value === null) continue;
    if (best === undefined || value < best.value) best = { ...trial, value };
  }
  return best;
}

const STANDING: Readonly<Record<TrialState, number>> = {
  complete: 0,
  stopped: 0,
  pruned: 1,
  running: 2,
  waiting: 3,
  failed: 4,
};

/** The trials with the best first: those that can be the best, by value, then pruned ones, and failed ones last. */
export function rankedTrials({ trials }: Pick<Study, "trials">): readonly Trial[] {
  return [...trials].sort(
    (a, b) => STANDING[a.state] - STANDING[b.state] || (a.value ?? 0) - (b.value ?? 0) || a.trial - b.trial,
  );
}
