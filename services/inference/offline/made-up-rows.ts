import { createRandom } from "../../data/random/random.ts";
import type { Column } from "../../data/table/table.ts";
import type { TensorSpec } from "../../pipeline/manifest.ts";
import type { OutputMeaning } from "../../pipeline/pipeline.ts";

const WORDS = ["a", "b", "c", "", "another"];

/** Makes up the values of an input, the same in every process: a few words, or `madeUpValues`. */
export function madeUpColumn({ name, kind, width }: TensorSpec, rows: number, meaning?: OutputMeaning): Column {
  if (kind === "numeric") return { kind, width, values: madeUpValues(name, width, rows, meaning) };
  const random = randomOf(name);
  return {
    kind,
    width: 1,
    codes: Int32Array.from({ length: rows }, () => random.below(WORDS.length)),
    dictionary: WORDS,
  };
}

/**
 * Standard normal numbers, or probabilities that sum to 1 in a row.
 * @returns [rows * width], row-major
 */
export function madeUpValues(name: string, width: number, rows: number, meaning?: OutputMeaning): Float32Array {
  const random = randomOf(name);
  const values = new Float32Array(rows * width);
  if (meaning !== "probabilities") {
    random.fillGaussian(values);
    return values;
  }
  random.fillUniform(values);
  for (let row = 0; row < rows; row++) {
    const classes = values.subarray(row * width, (row + 1) * width);
    const sum = classes.reduce((total, value) => total + value, 0);
    for (let index = 0; index < width; index++)
      classes[index] = sum === 0 ? 1 / width : (classes[index] as number) / sum;
  }
  return values;
}

function randomOf(name: string) {
  return createRandom(1, `made up ${name}`);
}
