import { createRandom } from "../../data/random/random.ts";
import type { Column } from "../../data/table/table.ts";
import type { TensorSpec } from "../../pipeline/manifest.ts";
import type { OutputMeaning } from "../../pipeline/pipeline.ts";

const WORDS = ["a", "b", "c", "", "another"];

/**
 * Makes up the values of an input, the same in every process: standard normal numbers, probabilities that sum to 1 in a
 * row, or a few words.
 */
export function madeUpColumn({ name, kind, width }: TensorSpec, rows: number, meaning?: OutputMeaning): Column {
  const random = createRandom(1, `made up ${name}`);
  if (kind === "categorical") {
    return {
      kind,
      width: 1,
      codes: Int32Array.from({ length: rows }, () => random.below(WORDS.length)),
      dictionary: WORDS,
    };
  }
  const values = new Float32Array(rows * width);
  if (meaning !== "probabilities") {
    random.fillGaussian(values);
    return { kind, width, values };
  }
  random.fillUniform(values);
  for (let row = 0; row < rows; row++) {
    const classes = values.subarray(row * width, (row + 1) * width);
    const sum = classes.reduce((total, value) => total + value, 0);
    for (let index = 0; index < width; index++)
      classes[index] = sum === 0 ? 1 / width : (classes[index] as number) / sum;
  }
  return { kind, width, values };
}
