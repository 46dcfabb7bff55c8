import type { ErrorCode } from "../../../common/errors.ts";
import type { JoiningWorker, UnitFate } from "../../../rpc/services/coordinator-service.ts";
import type { Evidence, JobSpec, LeaseState, UnitName } from "./state.ts";

/** What happens to the coordinator. `at`: milliseconds, never less than in the event before. */
export type CoordinatorEvent = { readonly at: number } & (
  | { readonly type: "job-opened"; readonly job: JobSpec }
  | { readonly type: "job-closed"; readonly job: string }
  | { readonly type: "unit-opened"; readonly unit: UnitName }
  /** Nobody wants its result any more. */
  | { readonly type: "unit-closed"; readonly unit: UnitName }
  /** A worker that may join. */
  | { readonly type: "joined"; readonly worker: string; readonly who: JoiningWorker }
  | {
      readonly type: "beat";
      readonly worker: string;
      readonly units: readonly { readonly lease: string; readonly work: number }[];
    }
  /** Its beats ended. */
  | { readonly type: "left"; readonly worker: string }
  /** A worker waits for a unit. */
  | { readonly type: "asked"; readonly worker: string; readonly request: string }
  | { readonly type: "stopped-asking"; readonly request: string }
  | {
      readonly type: "submitted";
      readonly worker: string;
      readonly lease: string;
      readonly unit: UnitName;
      readonly outcome: Outcome;
      /** Seconds that the worker computed. */
      readonly seconds: number;
      /** Names this call in effects. */
      readonly submission: string;
    }
  | { readonly type: "returned"; readonly worker: string; readonly lease: string }
  /** The trainer ran a unit. */
  | { readonly type: "ran"; readonly lease: string; readonly outcome: Outcome }
  /** The trainer ran a job's probe. */
  | { readonly type: "probed"; readonly job: string; readonly outcome: Outcome }
  /** Time passed. */
  | { readonly type: "tick" }
);

export type Outcome =
  /** `digest`: of the state at the end and the losses. `finite`: the training did not diverge. */
  | { readonly kind: "result"; readonly digest: string; readonly finite: boolean }
  /** The bytes are not what they should be. */
  | { readonly kind: "invalid"; readonly reason: string }
  /** It could not be run. */
  | { readonly kind: "failed"; readonly code: ErrorCode; readonly message: string };

/** What is to be done, in order. */
export type Effect =
  /** Answers a request. */
  | { readonly type: "grant"; readonly request: string; readonly lease: LeaseState }
  /** The worker is not known any more: it must join again. */
  | { readonly type: "reject"; readonly request: string }
  /** Answers a submission. */
  | {
      readonly type: "answer";
      readonly submission: string;
      readonly fate: UnitFate;
      readonly reason: string;
    }
  /** Tells a worker that leases are not wanted any more. */
  | { readonly type: "abandon"; readonly worker: string; readonly leases: readonly string[] }
  /** The unit has its result: the one with this digest. */
  | { readonly type: "finished"; readonly unit: string; readonly digest: string }
  /** The unit cannot be run. */
  | { readonly type: "failed"; readonly unit: string; readonly code: ErrorCode; readonly message: string }
  | { readonly type: "run"; readonly lease: LeaseState }
  | { readonly type: "stop"; readonly lease: string }
  /** Runs the job's probe in the trainer. */
  | { readonly type: "run-probe"; readonly job: string; readonly unit: UnitName }
  /** Ends the beats of a worker that was given up. */
  | { readonly type: "dismiss"; readonly worker: string; readonly reason: string }
  | { readonly type: "note"; readonly note: Note };

/** For the log. Each is told once. */
export type Note =
  | { readonly kind: "joined" | "left"; readonly worker: string; readonly name: string }
  /** A worker was given up, with so many units in work. */
  | {
      readonly kind: "lost";
      readonly worker: string;
      readonly name: string;
      readonly why: string;
      readonly units: number;
    }
  /** A unit made no progress, or failed. */
  | { readonly kind: "unit-lost"; readonly name: string; readonly unit: UnitName; readonly why: string }
  | { readonly kind: "not-admitted"; readonly name: string; readonly by: "class" | "probe"; readonly why: string }
  | { readonly kind: "mismatch"; readonly names: readonly string[]; readonly evidence: Evidence }
  | { readonly kind: "quarantined"; readonly name: string; readonly evidence: Evidence };
