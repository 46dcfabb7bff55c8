import type { Composition } from "../pipeline/verdict.ts";
import type { ComposedLosses } from "../verdicts/composed-losses.ts";
import type { RowStructure } from "../verdicts/judgement.ts";

/**
 * One part of the held-out rows, for a gate. Screen rows may be asked as often as one likes, and every published number comes
 * from them. What confirm and reserve rows answer leaves the gate as one bit a question.
 */
export interface GateRows {
  readonly part: "screen" | "confirm" | "reserve";
  readonly losses: ComposedLosses;
  readonly structure: RowStructure;
  /** Those of the rows with annotated upstream outputs; undefined if the pipeline declares none. */
  readonly audited: AuditedLosses | undefined;
}

/** The pipeline loss on rows with annotated upstream outputs. */
export interface AuditedLosses {
  readonly rows: number;
  readonly structure: RowStructure;
  /**
   * @param composition a serial for every objective and for everything upstream of them
   * @param moved the components whose upstream outputs are replaced by annotations, where the annotation determines them
   * @returns [rows]: the pipeline loss of every row; undefined if a prediction is invalid
   * @throws SnapshotFault as `ComposedLosses.rowLosses`
   */
  rowLosses(composition: Composition, moved: readonly string[]): Promise<Float64Array | undefined>;
}
