import { createRandom } from "../random/random.ts";
import { type CounterfactualOracle, evaluateOracle } from "../source/oracle.ts";

/** A variable without causes: independent coordinates, N(0, 1) or U(-1, 1). */
export interface RootVariable {
  readonly name: string;
  readonly width: number;
  readonly distribution: "gaussian" | "uniform";
  /** Number of equally likely vectors, drawn from the distribution, that rows take; 0 or absent: unlimited. */
  readonly levels?: number;
}

/** A deterministic function of other variables, which come before it in the model. */
export interface CausedVariable {
  readonly name: string;
  readonly width: number;
  /** The pipeline component that predicts it, if any. */
  readonly component?: string;
  /** The function, as a dense network, or as a formula if no network is exact. */
  readonly mechanism: CounterfactualOracle | Formula;
}

export interface Formula {
  readonly inputs: readonly { readonly name: string; readonly width: number }[];
  /** Computes [rows * width of the variable] from the inputs in order, each [rows * width]. */
  readonly evaluate: (inputs: readonly Float32Array[], rows: number) => Float32Array;
}

/** A data-generating process: variables in causal order. */
export interface StructuralModel {
  readonly roots: readonly RootVariable[];
  readonly caused: readonly CausedVariable[];
}

/** Rows per block, which limits temporary values to a few megabytes. */
const BLOCK = 4096;

/**
 * Samples the named variables in the given rows, each [rows * width]. The values of a row depend only on (seed, stream,
 * row number), not on the other requested rows and columns.
 */
export function sampleModel(
  model: StructuralModel,
  names: readonly string[],
  rowNumbers: Int32Array,
  seed: number,
  stream: string,
): Record<string, Float32Array> {
  const widths = new Map([...model.roots, ...model.caused].map((variable) => [variable.name, variable.width]));
  const needed = neededVariables(model, names);
  const result: Record<string, Float32Array> = {};
  for (const name of names) result[name] = new Float32Array(rowNumbers.length * (widths.get(name) ?? 0));
  for (let start = 0; start < rowNumbers.length; start += BLOCK) {
    const rows = rowNumbers.subarray(start, start + BLOCK);
    const block = new Map<string, Float32Array>();
    for (const root of model.roots) {
      if (needed.has(root.name)) block.set(root.name, sampleRoot(root, rows, seed, stream));
    }
    for (const variable of model.caused) {
      if (needed.has(variable.name)) block.set(variable.name, evaluate(variable, block, rows.length));
    }
    for (const name of names) {
      result[name]?.set(block.get(name) as Float32Array, start * (widths.get(name) ?? 0));
    }
  }
  return result;
}

function sampleRoot(root: RootVariable, rows: Int32Array, seed: number, stream: string): Float32Array {
  const { width } = root;
  const values = new Float32Array(rows.length * width);
  const levels = root.levels ?? 0;
  const random = createRandom(seed, levels > 0 ? `levels/${root.name}` : `${stream}/${root.name}`);
  const level = createRandom(seed, `level/${stream}/${root.name}`);
  for (let i = 0; i < rows.length; i += 1) {
    level.seek(rows[i] as number);
    random.seek(levels > 0 ? level.below(levels) : (rows[i] as number));
    if (root.distribution === "gaussian") random.fillGaussian(values, 1, i * width, (i + 1) * width);
    else for (let j = 0; j < width; j += 1) values[i * width + j] = 2 * random.uniform() - 1;
  }
  return values;
}

function evaluate(variable: CausedVariable, block: ReadonlyMap<string, Float32Array>, rows: number): Float32Array {
  const { mechanism } = variable;
  const inputs = mechanism.inputs.map((input) => block.get(input.name) as Float32Array);
  return "layers" in mechanism ? evaluateOracle(mechanism, inputs, rows) : mechanism.evaluate(inputs, rows);
}

function neededVariables(model: StructuralModel, names: readonly string[]): ReadonlySet<string> {
  const needed = new Set(names);
  // Variables are in causal order, so one backward pass finds all.
  for (const variable of [...model.caused].reverse()) {
    if (!needed.has(variable.name)) continue;
    for (const input of variable.mechanism.inputs) needed.add(input.name);
  }
  return needed;
}
