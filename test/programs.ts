import { parseArgs } from "node:util";
import * as tf from "@tensorflow/tfjs";
import fc from "fast-check";
import { createRandom } from "../services/data/random/random.ts";
import {
  difference,
  graphOf,
  runEagerly,
  runGraph,
  type TensorFunction,
  type TensorValues,
} from "./helpers/compiled-function.ts";
import {
  inputsOf,
  programOf,
  type RandomProgram,
  randomPrograms,
  smoothPrograms,
  withGradients,
  withPenalty,
} from "./helpers/random-programs.ts";
import { runWasmGraph } from "./helpers/wasm-function.ts";

/**
 * Runs random programs, with their gradients, as ONNX and as WebAssembly, and compares the results with each other and
 * with tfjs:
 *
 *     npm run test:programs -- [--count 10000] [--seed 1]
 *
 * Three in four are drawn from all operations; one in four is smooth and has a gradient penalty, for derivatives of second
 * order. A program whose results jump with the last bits of a number (a comparison of nearly equal numbers, say) cannot
 * agree to a tolerance; it counts as sensitive if such changes move tfjs's own result as much.
 */
const TOLERANCE = 1e-4;
/** What the engines' rounding errors move a result by, at most, in multiples of what changes of the last bits do. */
const PERTURBATIONS = 100;

const { values } = parseArgs({
  options: { count: { type: "string", default: "10000" }, seed: { type: "string", default: "1" } },
});
const [count, seed] = [Number(values.count), Number(values.seed)];

interface Drawn {
  readonly program: RandomProgram;
  /** Adds the derivatives. */
  readonly differentiate: (work: TensorFunction) => TensorFunction;
}

function draw(): Drawn[] {
  const smooth = Math.floor(count / 4);
  const all = fc.sample(randomPrograms, { numRuns: count - smooth, seed });
  const penalized = fc.sample(smoothPrograms, { numRuns: smooth, seed });
  return [
    ...all.map((program) => ({ program, differentiate: withGradients })),
    ...penalized.map((program) => ({ program, differentiate: withPenalty })),
  ];
}

/** Undefined if the results agree, `sensitive`, or what differs. */
async function compare({ program, differentiate }: Drawn): Promise<string | undefined> {
  const [work, inputs] = [differentiate(programOf(program)), inputsOf(program)];
  const graph = graphOf(work, inputs);
  const onnx = await runGraph(graph, inputs);
  const wasm = runWasmGraph(graph, inputs);
  const eager = runEagerly(work, inputs);
  const wrong = difference(wasm, onnx, TOLERANCE) ?? difference(wasm, eager, TOLERANCE);
  if (wrong === undefined) return undefined;
  let moved = 0;
  for (let trial = 0; trial < 20; trial++) {
    const disturbed = runEagerly(differentiate(programOf(program, lastBits(trial))), inputs);
    moved = Math.max(moved, distance(disturbed, eager));
  }
  const apart = Math.max(distance(wasm, onnx), distance(wasm, eager));
  return apart <= PERTURBATIONS * moved ? "sensitive" : wrong;
}

/** Changes the last bits of every number that an instruction makes. */
function lastBits(trial: number): (made: tf.Tensor2D) => tf.Tensor2D {
  const random = createRandom(trial, "last bits");
  return (made) => {
    const factors = Float32Array.from({ length: made.size }, () => 1 + (random.uniform() - 0.5) * 2 ** -22);
    return tf.mul(made, tf.tensor2d(factors, made.shape));
  };
}

/** The greatest difference, relative above 1. */
function distance(a: readonly TensorValues[], b: readonly TensorValues[]): number {
  let greatest = 0;
  a.forEach(({ values: ours }, output) => {
    ours.forEach((value, index) => {
      const other = b[output]?.values[index] as number;
      if (value !== other) greatest = Math.max(greatest, Math.abs(value - other) / Math.max(1, Math.abs(other)));
    });
  });
  return greatest;
}

let [failed, sensitive] = [0, 0];
for (const [index, drawn] of draw().entries()) {
  const found = await compare(drawn);
  if (found === "sensitive") sensitive++;
  else if (found !== undefined) {
    failed++;
    console.log(`program ${index}: ${found}\n  ${JSON.stringify(drawn.program)}`);
  }
  if ((index + 1) % 500 === 0) console.log(`${index + 1} of ${count}: ${failed} failed, ${sensitive} sensitive`);
}
console.log(
  `${count - failed - sensitive} programs agree, ${sensitive} are sensitive, ${failed} failed (seed ${seed})`,
);
if (failed > 0) process.exitCode = 1;
