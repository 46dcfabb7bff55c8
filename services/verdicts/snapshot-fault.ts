import type { Composition, QuarantineReason } from "../pipeline/verdict.ts";

/**
 * A fault of a snapshot itself, in its bytes or in its predictions. Evaluators quarantine the snapshot; for a trainer
 * that needs it, the fault becomes an UncoupleError.
 */
export class SnapshotFault extends Error {
  readonly component: string;
  readonly serial: number;
  readonly reason: QuarantineReason;
  /**
   * The upstream snapshots whose outputs it read when it failed; undefined for a fault that does not depend on its inputs
   * (its bytes, its graph).
   */
  readonly inputs: Composition | undefined;

  constructor(
    snapshot: { readonly component: string; readonly serial: number },
    reason: QuarantineReason,
    detail: string,
    inputs?: Composition,
    options?: ErrorOptions,
  ) {
    super(detail, options);
    this.name = "SnapshotFault";
    this.component = snapshot.component;
    this.serial = snapshot.serial;
    this.reason = reason;
    this.inputs = inputs;
  }
}
