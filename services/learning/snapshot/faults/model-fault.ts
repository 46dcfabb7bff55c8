import { UncoupleError } from "../../../common/errors.ts";
import type { QuarantineReason } from "../../../pipeline/verdict.ts";

/** A fault of a model itself, in its bytes or in what it computes. Evaluators quarantine its snapshot for `reason`. */
export class ModelFault extends UncoupleError {
  readonly reason: QuarantineReason;

  constructor(reason: QuarantineReason, message: string, options?: { readonly cause?: unknown }) {
    super("invalid-argument", message, options);
    this.name = "ModelFault";
    this.reason = reason;
  }
}
