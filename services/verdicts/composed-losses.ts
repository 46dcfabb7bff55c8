import type { Composition } from "../pipeline/verdict.ts";

/** Values that consumers of a component read in place of what its snapshot predicts. */
export interface ReplacedOutput {
  readonly component: string;
  /** The direct consumers that read the values; all others read the prediction. */
  readonly consumers: readonly string[];
  /** [rows * width], finite. */
  readonly values: Float32Array;
}

/** The losses of composed snapshots on a fixed set of evaluation rows: all that judging needs to know of composing. */
export interface ComposedLosses {
  /**
   * Checks that a snapshot can be loaded and has the contract of its component.
   * @throws SnapshotFault
   */
  check(component: string, serial: number): Promise<void>;
  /**
   * Starts composing what `rowLosses` of a component will be asked for, which is faster than one composition after another.
   * Blames nobody: `rowLosses` does.
   */
  prepare(component: string, compositions: readonly Composition[]): void;
  /**
   * @param composition a serial for the component and for everything upstream of it
   * @returns the component's output on every row, [rows * width], in the order of `rowLosses`; not to be changed
   * @throws SnapshotFault naming the snapshot that cannot be used or whose output is invalid
   */
  output(component: string, composition: Composition): Promise<Float32Array>;
  /**
   * @param replaced an output upstream that some components do not read as predicted
   * @returns the component's loss on every row, [rows], in an order that is the same in every call; not to be changed
   * @throws SnapshotFault as `output`
   */
  rowLosses(component: string, composition: Composition, replaced?: ReplacedOutput): Promise<Float64Array>;
  /**
   * @returns [rows]: 1 where the most probable class is not the row's, else 0; undefined for a component without classes
   * @throws SnapshotFault as `rowLosses`
   */
  rowErrors(component: string, composition: Composition): Promise<Float64Array | undefined>;
}

/** An edge of the DAG whose upstream output is annotated on some of the evaluation rows. */
export interface AnnotatedEdge {
  readonly upstream: string;
  readonly downstream: string;
  /** Whether the annotation is a label, while the upstream predicts probabilities. */
  readonly isLabel: boolean;
}

/** The pipeline's losses on rows with annotated upstream outputs, with these in place of the predictions. */
export interface AnnotatedLosses {
  readonly rows: number;
  readonly edges: readonly AnnotatedEdge[];
  /**
   * @param composition a serial for the objective and for everything upstream of it
   * @returns the objective's losses, [rows] each: as it is composed, and for each of `edges` with the downstream reading the
   *   annotated output of the upstream and all else as it is composed
   * @throws SnapshotFault as `ComposedLosses.rowLosses`
   */
  rowLosses(composition: Composition): Promise<{
    readonly composed: Float64Array;
    readonly annotated: readonly Float64Array[];
  }>;
}
