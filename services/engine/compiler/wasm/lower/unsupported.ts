import { UncoupleError } from "../../../../common/errors.ts";

/** A program that this code generator cannot compile, although another engine may be able to run it. */
export class UnsupportedOperator extends UncoupleError {
  /** The operator's name in the graph, and what about it is not supported: `TopK over int32`. */
  readonly operator: string;

  /** @param what about it is not supported, as in "over strings" */
  constructor(operator: string, what = "") {
    const detail = what === "" ? operator : `${operator} ${what}`;
    super("invalid-argument", `the wasm engine cannot compile the operator ${detail}; use the engine 'onnx:cpu'`);
    this.operator = detail;
  }
}
