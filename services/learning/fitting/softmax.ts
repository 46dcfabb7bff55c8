import { exp } from "../../common/elementary.ts";
import type { Matrix } from "../dataset/row-matrix.ts";

/** Replaces the logits of every row by probabilities, in place. */
export function softmaxRows({ width, values }: Matrix): void {
  for (let start = 0; start < values.length; start += width) {
    const at = values.subarray(start, start + width);
    const highest = at.reduce((a, b) => Math.max(a, b));
    let sum = 0;
    for (let k = 0; k < width; k++) {
      at[k] = exp((at[k] as number) - highest);
      sum += at[k] as number;
    }
    for (let k = 0; k < width; k++) at[k] = (at[k] as number) / sum;
  }
}
