import type { OptimizerSpec, ProtocolSpec, ScheduleSpec } from "./team.ts";

/** An input or output of a snapshot's ONNX graph. Shape [rows, width], row-major. */
export interface TensorSpec {
  /** A data column, or the output name of an upstream component, as in the pipeline file. */
  readonly name: string;
  /** `numeric` is float32; `categorical` is a string tensor of width 1. */
  readonly kind: "numeric" | "categorical";
  readonly width: number;
}

/** A snapshot as the trainer describes it, before the registry assigns a serial. */
export interface SnapshotDraft {
  readonly pipeline: string;
  readonly component: string;
  /** The run that produced it. A run publishes at most once. */
  readonly runId: string;
  readonly inputs: readonly TensorSpec[];
  readonly output: TensorSpec;
  /** ONNX operator set of the default domain. */
  readonly opset: number;
  /** Short description of the model: `dense 8-64-1`, `linear`, or the file name of the module. */
  readonly model: string;
  readonly protocol: ProtocolSpec;
  readonly optimiser: OptimizerSpec;
  readonly schedule: ScheduleSpec;
  readonly batch: number;
  readonly steps: number;
  readonly seed: number;
  /** Component to serial: the exact snapshots that imputed the training inputs. */
  readonly upstream: Readonly<Record<string, number>>;
  /** Source of the counterfactual targets, for the causal protocols. */
  readonly counterfactual?: string;
  readonly data: { readonly fingerprint: string; readonly rows: number };
  /** Mean training loss over the last steps, in the units of the component's loss on standardized outputs. */
  readonly trainingLoss: number;
  readonly engine: string;
  readonly codeVersion: string;
  /** ISO 8601, informational; serials and stream positions define the order. */
  readonly startedAt: string;
  readonly finishedAt: string;
}

/** The immutable record of a published snapshot. */
export interface SnapshotManifest extends SnapshotDraft {
  readonly version: 1;
  /** 1, 2, 3, ... within the component, without gaps. */
  readonly serial: number;
  /** The previous snapshot of the component; null for the first. */
  readonly parent: number | null;
  /** SHA-256 of the ONNX bytes, lowercase hex. */
  readonly digest: string;
  /** Size of the ONNX model in bytes. */
  readonly size: number;
}

/** `component@serial`, the name of a snapshot in logs and user interfaces. */
export function snapshotName(snapshot: { readonly component: string; readonly serial: number }): string {
  return `${snapshot.component}@${snapshot.serial}`;
}
