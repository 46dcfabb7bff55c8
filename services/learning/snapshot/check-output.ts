import type { OutputSpec } from "../../pipeline/pipeline.ts";
import type { QuarantineReason } from "../../pipeline/verdict.ts";

/** A float32 softmax over many classes stays well within these tolerances. */
const SUM_TOLERANCE = 1e-3;
const RANGE_TOLERANCE = 1e-6;

export interface OutputFault {
  readonly reason: QuarantineReason;
  readonly detail: string;
}

/**
 * Checks predictions against the pipeline file: finite, and probabilities where the file declares them. No detail says a
 * value: details are public, and what a model computes may not be.
 *
 * @param values [rows * width] @returns the first fault with its row (from 1), or undefined
 */
export function checkOutput(output: OutputSpec, values: Float32Array): OutputFault | undefined {
  for (let i = 0; i < values.length; i++) {
    const value = values[i] as number;
    if (!Number.isFinite(value)) {
      return { reason: "not-finite", detail: `${output.name} is not finite in ${rowOf(i, output.width)}` };
    }
  }
  if (output.meaning !== "probabilities") return undefined;
  for (let offset = 0; offset < values.length; offset += output.width) {
    let sum = 0;
    for (let i = offset; i < offset + output.width; i++) {
      const value = values[i] as number;
      if (value < -RANGE_TOLERANCE || value > 1 + RANGE_TOLERANCE) {
        return {
          reason: "not-probabilities",
          detail: `${output.name} is outside [0, 1] in ${rowOf(i, output.width)}`,
        };
      }
      sum += value;
    }
    if (Math.abs(sum - 1) > SUM_TOLERANCE) {
      return {
        reason: "not-probabilities",
        detail: `${output.name} does not sum to 1 over the classes in ${rowOf(offset, output.width)}`,
      };
    }
  }
  return undefined;
}

function rowOf(index: number, width: number): string {
  return `row ${Math.floor(index / width) + 1}`;
}
