import type { SnapshotContract } from "../../learning/snapshot/snapshot-model.ts";
import type { OutputSpec } from "../../pipeline/pipeline.ts";
import type { QuarantineReason } from "../../pipeline/verdict.ts";
import type { HeldBytes } from "../inference.ts";

/** What an input reads: a column, by the key that the caller gave it, or an earlier stage. */
export type InputRequest = { readonly column: string } | { readonly stage: number };

export interface StageRequest {
  /** Names bytes and contract: the same key is the same model. */
  readonly model: string;
  readonly contract: SnapshotContract;
  readonly inputs: Readonly<Record<string, InputRequest>>;
  readonly output?: OutputSpec;
  /** Names the output: the model's key and the keys of what it reads. */
  readonly key: string;
}

/** As `InferencePlan`, with keys in place of what they name. */
export interface RunRequest {
  readonly rows: number;
  readonly stages: readonly StageRequest[];
  readonly wanted: readonly number[];
  readonly keep: boolean;
  /** Memory for columns, outputs and models that later calls may need. */
  readonly cacheBytes: number;
}

export type ToHost =
  /** With `ahead`, the body is the model of this stage, in case that the host does not have it. */
  | { readonly kind: "run"; readonly request: RunRequest; readonly ahead?: number }
  /** Answers `missing`, in its order; the body holds the values or codes. */
  | { readonly kind: "column"; readonly column: ColumnHeader }
  /** Answers `missing`, after the columns; the body is the model. */
  | { readonly kind: "model" }
  /** Answers `missing` when the caller cannot read what is missing. */
  | { readonly kind: "abandon" };

export type ColumnHeader =
  | { readonly kind: "numeric"; readonly width: number }
  | { readonly kind: "categorical"; readonly dictionary: readonly string[] };

/** What a host does with a stage whose model is loaded. `rows`: it has finished a batch of rows. */
export type Phase = "run" | "rows" | "trial";

export type FromHost =
  /** The first message: the host has started. */
  | { readonly kind: "ready" }
  /** The host needs this to load the model of a stage, which it does next, or to run it. Nothing, if it was sent ahead. */
  | { readonly kind: "missing"; readonly stage: number; readonly columns: readonly string[]; readonly model: boolean }
  | { readonly kind: "progress"; readonly stage: number; readonly phase: Phase }
  /** One for each wanted output, in order, as soon as it is known; the body holds the values. */
  | { readonly kind: "output" }
  | { readonly kind: "done"; readonly held: HeldBytes }
  | { readonly kind: "failed"; readonly stage: number; readonly error: SentError; readonly held: HeldBytes };

/** An error on its way to the caller: a `ModelFault`, or without a reason a defect of this program. */
export interface SentError {
  readonly reason?: QuarantineReason;
  readonly message: string;
}

/** Longest header that a host may send, in bytes: its messages are short. */
export const MAX_HEADER_FROM_HOST = 64 * 1024;
/** Longest header that a host accepts: dictionaries of text columns are in headers. */
export const MAX_HEADER_TO_HOST = 2 ** 30;
