import type { OptimizerSpec, ProtocolSpec, ScheduleSpec } from "./team.ts";

/** An input or output of a snapshot's ONNX graph. Shape [rows, width], row-major. */
export interface TensorSpec {
  /** A data column, or the output name of an upstream component, as in the pipeline file. */
  readonly name: string;
  /** `numeric` is float32; `categorical` is a string tensor of width 1. */
  readonly kind: "numeric" | "categorical";
  readonly width: number;
}

/** What a trainer knows of a snapshot before the registry gives it a serial. */
export interface SnapshotDraft {
  readonly pipeline: string;
  readonly component: string;
  /** The run that made it. One run publishes at most once. */
  readonly runId: string;
  readonly inputs: readonly TensorSpec[];
  readonly output: TensorSpec;
  /** ONNX operator set of the default domain. */
  readonly opset: number;
  /** One line that a person understands: `dense 8-64-1`, `linear`, or the module's file name. */
  readonly model: string;
  readonly protocol: ProtocolSpec;
  readonly optimiser: OptimizerSpec;
  readonly schedule: ScheduleSpec;
  readonly batch: number;
  readonly steps: number;
  readonly seed: number;
  /** Component to serial: the exact snapshots that the training inputs were imputed with. */
  readonly upstream: Readonly<Record<string, number>>;
  /** Where counterfactual targets came from, for the causal protocols. */
  readonly counterfactual?: string;
  readonly data: { readonly fingerprint: string; readonly rows: number };
  /** Mean training loss over the last steps, in the units of the component's loss on standardized outputs. */
  readonly trainingLoss: number;
  readonly engine: string;
  readonly codeVersion: string;
  /** ISO 8601, for people; order comes from serials and stream positions. */
  readonly startedAt: string;
  readonly finishedAt: string;
}

/** The immutable record of a published snapshot. */
export interface SnapshotManifest extends SnapshotDraft {
  readonly version: 1;
  /** 1, 2, 3 ... within the component, without gap. */
  readonly serial: number;
  /** The component's snapshot that this one followed, null for the first. */
  readonly parent: number | null;
  /** SHA-256 of the ONNX bytes, lower-case hex. */
  readonly digest: string;
  /** Bytes of the ONNX model. */
  readonly size: number;
}

/** `component@serial`, the name by which people and logs know a snapshot. */
export function snapshotName(snapshot: { readonly component: string; readonly serial: number }): string {
  return `${snapshot.component}@${snapshot.serial}`;
}
