import type { ColumnProfile } from "./column-profile.ts";
import type { TrainedTest } from "./model-test.ts";
import type { DrawnSample } from "./sample.ts";
import { originName, type SnapshotOrigin } from "./shared.ts";
import type { TrialId } from "./study.ts";
import type { ProtocolSpec, WorkersSpec } from "./team.ts";

/** An input or output of a snapshot's ONNX graph. Shape [rows, width], row-major. */
export interface TensorSpec {
  /** A data column, or the output name of an upstream component, as in the pipeline file. */
  readonly name: string;
  /** `numeric` is float32; `categorical` is a string tensor of width 1. */
  readonly kind: "numeric" | "categorical";
  readonly width: number;
}

/** The signature of a model: everything that other components need to know in order to use it. */
export interface ModelContract {
  readonly inputs: readonly TensorSpec[];
  readonly output: TensorSpec;
}

/**
 * How a snapshot came about. Nothing here is needed to compose or judge it, so provenance is open: every field is optional,
 * sets of names (protocols, optimizers, engines) can grow, and fields that this version does not know are kept as they
 * are when a manifest is read, forwarded or printed. A known field keeps its name and its shape forever.
 */
export interface Provenance {
  /** Short description of the model: `dense 8-64-1`, `linear`, or the file name of the module. */
  readonly model?: string;
  /** ONNX operator set of the default domain. */
  readonly opset?: number;
  readonly protocol?: ProtocolSpec;
  readonly optimizer?: { readonly name: string; readonly learningRate?: number };
  readonly schedule?: { readonly warmup: number; readonly decay: string };
  readonly batch?: number;
  readonly steps?: number;
  /** The step after which the training ended, if that was before the last. */
  readonly stopAfter?: number;
  readonly seed?: number;
  /** Component to serial: the exact snapshots that imputed the training inputs. */
  readonly upstream?: Readonly<Record<string, number>>;
  /** Source of the counterfactual targets, for the causal protocols. */
  readonly counterfactual?: string;
  readonly data?: {
    readonly fingerprint: string;
    readonly rows: number;
    /** With a split by time, no later row was trained on, in ISO 8601. */
    readonly until?: string;
    /** How the rows were chosen among all training rows. */
    readonly sample?: DrawnSample;
    /** Of the data columns that the component reads: as many as 64 coordinates have room for. */
    readonly columns?: readonly ColumnProfile[];
  };
  /** Mean training loss over the last steps, in the units of the component's loss on standardized outputs. */
  readonly trainingLoss?: number;
  readonly engine?: string;
  /** Numerics class: which machines reproduce the bits. */
  readonly numerics?: string;
  /** How the training was divided among workers, as in the team file. */
  readonly workers?: Omit<WorkersSpec, "fallback">;
  /** The independent groups of training rows, if the rows themselves are not independent. */
  readonly groups?: { readonly column: string; readonly count: number };
  /** The program that made the model, if it was not trained by Uncouple. */
  readonly producer?: { readonly name: string; readonly version?: string };
  /** What the team decided about gates, as in the team file: whether sets may move it, whether its trainer co-trains. */
  readonly gating?: { readonly sets: boolean; readonly cotrain: boolean };
  /** The team's tests, with what they found on training rows. */
  readonly tests?: readonly TrainedTest[];
  /** The gate's request that it answers (`CandidateRun.id`). */
  readonly candidateRun?: string;
  /** The trial of a study whose parameters it was trained with. */
  readonly tuning?: TrialId;
  /** The snapshot of another pipeline that this one is. Its model is in the store of that pipeline only. */
  readonly origin?: SnapshotOrigin;
  /** Version of Uncouple. */
  readonly codeVersion?: string;
  /** ISO 8601, informational; serials and stream positions define the order. */
  readonly startedAt?: string;
  readonly finishedAt?: string;
  /** Known fields whose value this version cannot interpret, as they were. */
  readonly misfits?: Readonly<Record<string, unknown>>;
}

/** A snapshot as its publisher describes it, before the registry assigns a serial. */
export interface SnapshotDraft {
  readonly pipeline: string;
  readonly component: string;
  /** The run that produced it. A run publishes at most once. */
  readonly runId: string;
  readonly contract: ModelContract;
  /** SHA-256 of the pipeline file that the publisher used, lowercase hex; null if it is not known. */
  readonly pipelineDigest: string | null;
  readonly provenance: Provenance;
}

/**
 * The immutable record of a published snapshot. Everything but the provenance is its envelope: what services need to
 * number, compose and judge it. The envelope is frozen: a version of the format has exactly these fields, and a manifest
 * with any other is unreadable, so that no service acts on half of what it says.
 */
export interface SnapshotManifest extends SnapshotDraft {
  /** Version of the format. Version 1 is read as version 2 and never written. */
  readonly version: 2;
  /** The place in the order of the component's announcements: 1, 2, 3, ... */
  readonly serial: number;
  /**
   * The newest snapshot of the component that its publisher could read; null if there was none. Serials in between are
   * taken by announcements that the publisher could not read.
   */
  readonly parent: number | null;
  /** SHA-256 of the ONNX bytes, lowercase hex. */
  readonly digest: string;
  /** Size of the ONNX model in bytes. */
  readonly size: number;
  /** ISO 8601, by the publisher's clock; informational. */
  readonly publishedAt: string;
}

/** A serial whose announcement this version of the program cannot read. It is taken, and never used. */
export interface UnreadableSnapshot {
  readonly component: string;
  readonly serial: number;
  readonly position: number;
  /** What is wrong: for example, that a newer version wrote it. */
  readonly reason: string;
}

/** A snapshot by name. */
export interface SnapshotId {
  readonly component: string;
  readonly serial: number;
}

/** `component@serial`, the name of a snapshot in logs and user interfaces. */
export function snapshotName(snapshot: SnapshotId): string {
  return `${snapshot.component}@${snapshot.serial}`;
}

/** The name of a snapshot for people: `click@3`, or `click@3 (ads/click@7)` for one of another pipeline. */
export function titleOf(snapshot: SnapshotId, origin: SnapshotOrigin | undefined): string {
  return origin === undefined ? snapshotName(snapshot) : `${snapshotName(snapshot)} (${originName(origin)})`;
}
