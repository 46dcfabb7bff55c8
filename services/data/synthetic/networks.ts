import { createRandom } from "../random/random.ts";
import type { CounterfactualOracle, DenseLayer } from "../source/oracle.ts";
import { type CausedVariable, type RootVariable, type StructuralModel, sampleModel } from "./structural-model.ts";

/** One random network of a data-generating process. */
interface NetworkSpec {
  readonly component: string;
  /** Root variables that it reads, all N(0, I). */
  readonly columns: readonly string[];
  /** Variables of earlier networks that it reads. */
  readonly upstream: readonly string[];
  /** The variable that it causes. */
  readonly output: string;
  readonly width: number;
  /** Units of its one hidden ReLU layer. */
  readonly hidden: number;
}

interface NetworkArchitecture {
  readonly roots: readonly RootVariable[];
  readonly networks: readonly NetworkSpec[];
}

const gaussian = (name: string, width: number): RootVariable => ({ name, width, distribution: "gaussian" });

/**
 * The paper's two components (Modi et al. 2023, section 4): x1 [10] -> M1* 10-8-3 -> z [3]; (x2 [5], z) -> M2* 8-16-1
 * -> y [1]. With a width of 16 in M1* the two couple too weakly to show anything, with 6 too strongly.
 */
export const TWO_STAGE = {
  roots: [gaussian("x1", 10), gaussian("x2", 5)],
  networks: [
    { component: "m1", columns: ["x1"], upstream: [], output: "z", width: 3, hidden: 8 },
    { component: "m2", columns: ["x2"], upstream: ["z"], output: "y", width: 1, hidden: 16 },
  ],
} satisfies NetworkArchitecture & { readonly networks: readonly [NetworkSpec, NetworkSpec] };

/** The same with an x2 of so many distinct values, which is what matching takes; 0 for the paper's continuous one. */
export function twoStage(levels: number): NetworkArchitecture {
  return { ...TWO_STAGE, roots: [gaussian("x1", 10), { ...gaussian("x2", 5), levels }] };
}

/** Three in a row: x1 [10] -> z1 [3]; (x2 [5], z1) -> z2 [3]; (x3 [5], z2) -> y [1]. */
export const CHAIN: NetworkArchitecture = {
  roots: [gaussian("x1", 10), gaussian("x2", 5), gaussian("x3", 5)],
  networks: [
    { component: "m1", columns: ["x1"], upstream: [], output: "z1", width: 3, hidden: 8 },
    { component: "m2", columns: ["x2"], upstream: ["z1"], output: "z2", width: 3, hidden: 16 },
    { component: "m3", columns: ["x3"], upstream: ["z2"], output: "y", width: 1, hidden: 16 },
  ],
};

/** One feeds two that feed one: x1 [10] -> z1 [3]; (x2 [5], z1) -> z2 [3]; (x3 [5], z1) -> z3 [3]; (x4 [5], z2, z3) -> y [1]. */
export const DIAMOND: NetworkArchitecture = {
  roots: [gaussian("x1", 10), gaussian("x2", 5), gaussian("x3", 5), gaussian("x4", 5)],
  networks: [
    { component: "m1", columns: ["x1"], upstream: [], output: "z1", width: 3, hidden: 8 },
    { component: "m2", columns: ["x2"], upstream: ["z1"], output: "z2", width: 3, hidden: 16 },
    { component: "m3", columns: ["x3"], upstream: ["z1"], output: "z3", width: 3, hidden: 16 },
    { component: "m4", columns: ["x4"], upstream: ["z2", "z3"], output: "y", width: 1, hidden: 16 },
  ],
};

const STANDARDISATION_ROWS = 20_000;
const BIAS_STD = 0.5;
/** The weights on upstream variables are scaled by it, so that the pipeline depends on them more than on its own x. */
const UPSTREAM_GAIN = 2;

/**
 * Draws the networks: hidden weights N(0, 2 / fan-in), output weights N(0, 1 / fan-in), biases N(0, 0.5^2); afterwards
 * the hidden weights on upstream variables are doubled; every output coordinate is standardized by the mean and standard
 * deviation over 20,000 rows that belong to no data set. That affine map is folded into the last layer, and the weights
 * are rounded to float32 before any row is generated, so that the layers are the process itself and not a copy of it.
 */
export function drawNetworks(architecture: NetworkArchitecture, seed: number): StructuralModel {
  const widths = new Map(architecture.roots.map((root) => [root.name, root.width]));
  const caused: CausedVariable[] = [];
  const rows = Int32Array.from({ length: STANDARDISATION_ROWS }, (_, row) => row);
  for (const spec of architecture.networks) {
    const inputs = [...spec.columns, ...spec.upstream].map((name) => ({ name, width: widths.get(name) ?? 0 }));
    const raw: CounterfactualOracle = { inputs, layers: drawLayers(spec, inputs, seed) };
    const variable = { name: spec.output, width: spec.width, component: spec.component };
    const model = { roots: architecture.roots, caused: [...caused, { ...variable, mechanism: raw }] };
    const values = sampleModel(model, [spec.output], rows, seed, "standardise")[spec.output] as Float32Array;
    caused.push({ ...variable, mechanism: { inputs, layers: standardized(raw.layers, values) } });
    widths.set(spec.output, spec.width);
  }
  return { roots: architecture.roots, caused };
}

function drawLayers(
  spec: NetworkSpec,
  inputs: readonly { readonly name: string; readonly width: number }[],
  seed: number,
): readonly DenseLayer[] {
  const fanIn = inputs.reduce((sum, input) => sum + input.width, 0);
  const draw = (what: string, length: number, sigma: number) => {
    const values = new Float32Array(length);
    createRandom(seed, `network/${spec.component}/${what}`).fillGaussian(values, sigma);
    return values;
  };
  const weights = draw("hidden-weights", fanIn * spec.hidden, Math.sqrt(2 / fanIn));
  const own = inputs.slice(0, spec.columns.length).reduce((sum, input) => sum + input.width, 0);
  for (let i = own * spec.hidden; i < weights.length; i += 1) weights[i] = (weights[i] as number) * UPSTREAM_GAIN;
  return [
    { weights, bias: draw("hidden-bias", spec.hidden, BIAS_STD), inputs: fanIn, outputs: spec.hidden },
    {
      weights: draw("output-weights", spec.hidden * spec.width, Math.sqrt(1 / spec.hidden)),
      bias: draw("output-bias", spec.width, BIAS_STD),
      inputs: spec.hidden,
      outputs: spec.width,
    },
  ];
}

/** The same layers with the last one's outputs shifted and scaled to mean 0 and variance 1 over the sample. */
function standardized(layers: readonly DenseLayer[], sample: Float32Array): readonly DenseLayer[] {
  const last = layers.at(-1) as DenseLayer;
  const { inputs, outputs } = last;
  const rows = sample.length / outputs;
  const weights = last.weights.slice();
  const bias = last.bias.slice();
  for (let j = 0; j < outputs; j += 1) {
    let sum = 0;
    for (let row = 0; row < rows; row += 1) sum += sample[row * outputs + j] as number;
    const mean = sum / rows;
    let squares = 0;
    for (let row = 0; row < rows; row += 1) {
      const deviation = (sample[row * outputs + j] as number) - mean;
      squares += deviation * deviation;
    }
    // A coordinate whose hidden units are all dead is constant; it keeps its scale.
    const std = squares > 0 ? Math.sqrt(squares / rows) : 1;
    for (let i = 0; i < inputs; i += 1) weights[i * outputs + j] = (weights[i * outputs + j] as number) / std;
    bias[j] = ((bias[j] as number) - mean) / std;
  }
  return [...layers.slice(0, -1), { weights, bias, inputs, outputs }];
}
