import { costedCounts, type StepCosts } from "../../services/engine/auto/estimate-step.ts";
import type { StepWork } from "../../services/engine/compiler/step-work.ts";

/** One program with its measured times, in microseconds per step. */
export interface MeasuredStep {
  readonly work: StepWork;
  readonly wasm: number;
  readonly onnx: number;
}

/** A step near the crossover counts this many times more than one where an engine is several times faster. */
const NEAR = 0.1;

/**
 * Fits the costs of both engines by least squares on relative errors, with costs that are not negative. Programs near the
 * crossover weigh most, because only there does an error change the choice.
 */
export function fitStepCosts(rows: readonly MeasuredStep[]): Record<"wasm" | "onnx:cpu", StepCosts> {
  const weights = rows.map(({ wasm, onnx }) => 1 / (NEAR + Math.abs(Math.log(wasm / onnx))));
  const fitted = (times: readonly number[]): StepCosts => {
    const counts = rows.map(({ work }) => costedCounts(work));
    const names = Object.keys(counts[0] as StepCosts) as (keyof StepCosts)[];
    // In nanoseconds, each row divided by its time: the target is 1 everywhere.
    const matrix = counts.map((row, index) =>
      names.map((name) => ((row[name] as number) * (weights[index] as number)) / (1000 * (times[index] as number))),
    );
    const costs = nonNegativeLeastSquares(matrix, weights);
    return Object.fromEntries(names.map((name, index) => [name, costs[index]])) as unknown as StepCosts;
  };
  return { wasm: fitted(rows.map(({ wasm }) => wasm)), "onnx:cpu": fitted(rows.map(({ onnx }) => onnx)) };
}

/** Coordinate descent (Franc et al. 2005): slow, but a few lines, and exact enough for a dozen unknowns. */
function nonNegativeLeastSquares(matrix: readonly (readonly number[])[], target: readonly number[]): number[] {
  const columns = matrix[0]?.length ?? 0;
  const product = (i: number, j: number) =>
    matrix.reduce((sum, row) => sum + (row[i] as number) * (row[j] as number), 0);
  const gram = Array.from({ length: columns }, (_, i) => Array.from({ length: columns }, (__, j) => product(i, j)));
  const right = Array.from({ length: columns }, (_, i) =>
    matrix.reduce((sum, row, index) => sum + (row[i] as number) * (target[index] as number), 0),
  );
  const solution = new Array<number>(columns).fill(0);
  for (let sweep = 0; sweep < 200_000; sweep++) {
    for (let i = 0; i < columns; i++) {
      const row = gram[i] as number[];
      if (row[i] === 0) continue;
      const gradient = row.reduce((sum, value, j) => sum + value * (solution[j] as number), -(right[i] as number));
      solution[i] = Math.max(0, (solution[i] as number) - gradient / (row[i] as number));
    }
  }
  return solution;
}

/** The text of services/engine/auto/step-costs.ts. */
export function stepCostsFile(costs: Readonly<Record<"wasm" | "onnx:cpu", StepCosts>>): string {
  const line = (of: StepCosts) =>
    Object.entries(of)
      .map(([name, cost]) => `    ${name}: ${Number((cost as number).toPrecision(3))},`)
      .join("\n");
  return `/**
 * What a step costs on each engine, in one thread, in nanoseconds for each unit of \`StepWork\`. Written by
 * \`npm run bench:crossover -- --fit\`, which measures both engines over a grid of programs.
 */
export const STEP_COSTS = {
  wasm: {
${line(costs.wasm)}
  },
  "onnx:cpu": {
${line(costs["onnx:cpu"])}
  },
} as const;
`;
}
