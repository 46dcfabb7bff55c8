import type { ErrorCode } from "../common/errors.ts";
import type { ProtocolSpec } from "./team.ts";

/**
 * queued -> (waiting ->) running -> publishing -> succeeded, and from any of the first four -> failed or cancelled.
 * `waiting`: under the sync protocol, for the lease that lets one component of the pipeline train at a time.
 * A run that a shutdown or a crash interrupted stays in its state on disk and goes on when the trainer is back.
 */
export type RunState = "queued" | "waiting" | "running" | "publishing" | "succeeded" | "failed" | "cancelled";

/** The states that a run never leaves. */
export const ENDED_STATES = ["succeeded", "failed", "cancelled"] as const satisfies readonly RunState[];

export function hasEnded({ state }: Pick<Run, "state">): boolean {
  return (ENDED_STATES as readonly RunState[]).includes(state);
}

export const RUN_TRIGGERS = ["request", "interval", "upstream"] as const;
export type RunTrigger = (typeof RUN_TRIGGERS)[number];

/** What is known of one training run. */
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
  /** Component to serial, pinned when the run starts; empty before. */
  readonly upstream: Readonly<Record<string, number>>;
  /** The serial that the run published. */
  readonly snapshot: number | null;
  readonly error: { readonly code: ErrorCode; readonly message: string } | null;
  /** What people should know although the run went on: a support warning, an engine that was not available. */
  readonly warnings: readonly string[];
  readonly queuedAt: string;
  readonly startedAt: string | null;
  readonly finishedAt: string | null;
}
