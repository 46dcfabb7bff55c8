import type { Composition, QuarantineReason } from "../pipeline/verdict.ts";

/**
 * Something is wrong with a snapshot itself, or shows in its predictions. Evaluators quarantine it for that; where a
 * trainer needs the snapshot it is an UncoupleError.
 */
export class SnapshotFault extends Error {
  readonly component: string;
  readonly serial: number;
  readonly reason: QuarantineReason;
  /**
   * The upstream snapshots whose outputs it read when it failed; undefined for a fault that is there whatever it reads
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
