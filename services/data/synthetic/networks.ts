import { createRandom } from "../random/random.ts";
import { type CounterfactualOracle, type DenseLayer, evaluateOracle } from "../source/oracle.ts";
import { type CausedVariable, type RootVariable, type StructuralModel, sampleModel } from "./structural-model.ts";

/** A random network of a data-generating process. */
export interface NetworkSpec {
  readonly component: string;
  /** Input root variables, all N(0, I). */
  readonly columns: readonly string[];
  /** Input variables from earlier networks. */
  readonly upstream: readonly string[];
  /** Output variable. */
  readonly output: string;
  readonly width: number;
  /** Units of the single hidden ReLU layer. */
  readonly hidden: number;
  /** Scale of the weights on upstream variables; default: 2. */
  readonly gain?: number;
}

export interface NetworkArchitecture {
  readonly roots: readonly RootVariable[];
  readonly networks: readonly NetworkSpec[];
}

const gaussian = (name: string, width: number): RootVariable => ({ name, width, distribution: "gaussian" });

/**
 * The paper's two components (Modi et al. 2023, section 4): x1 [10] -> M1* 10-8-3 -> z [3]; (x2 [5], z) -> M2* 8-16-1
 * -> y [1]. With 16 hidden units in M1* the coupling is too weak to show an effect; with 6 it is too strong.
 */
export const TWO_STAGE = {
  roots: [gaussian("x1", 10), gaussian("x2", 5)],
  networks: [
    { component: "m1", columns: ["x1"], upstream: [], output: "z", width: 3, hidden: 8 },
    { component: "m2", columns: ["x2"], upstream: ["z"], output: "y", width: 1, hidden: 16 },
  ],
} satisfies NetworkArchitecture & { readonly networks: readonly [NetworkSpec, NetworkSpec] };

/** The same, with `levels` distinct values of x2, as matching requires; 0 is the paper's continuous x2. */
export function twoStage(levels: number): NetworkArchitecture {
  return { ...TWO_STAGE, roots: [gaussian("x1", 10), { ...gaussian("x2", 5), levels }] };
}

/** Three components in a row: x1 [10] -> z1 [3]; (x2 [5], z1) -> z2 [3]; (x3 [5], z2) -> y [1]. */
export const CHAIN: NetworkArchitecture = {
  roots: [gaussian("x1", 10), gaussian("x2", 5), gaussian("x3", 5)],
  networks: [
    { component: "m1", columns: ["x1"], upstream: [], output: "z1", width: 3, hidden: 8 },
    { component: "m2", columns: ["x2"], upstream: ["z1"], output: "z2", width: 3, hidden: 16 },
    { component: "m3", columns: ["x3"], upstream: ["z2"], output: "y", width: 1, hidden: 16 },
  ],
};

/** A diamond: x1 [10] -> z1 [3]; (x2 [5], z1) -> z2 [3]; (x3 [5], z1) -> z3 [3]; (x4 [5], z2, z3) -> y [1]. */
export const DIAMOND: NetworkArchitecture = {
  roots: [gaussian("x1", 10), gaussian("x2", 5), gaussian("x3", 5), gaussian("x4", 5)],
  networks: [
    { component: "m1", columns: ["x1"], upstream: [], output: "z1", width: 3, hidden: 8 },
    { component: "m2", columns: ["x2"], upstream: ["z1"], output: "z2", width: 3, hidden: 16 },
    { component: "m3", columns: ["x3"], upstream: ["z1"], output: "z3", width: 3, hidden: 16 },
    { component: "m4", columns: ["x4"], upstream: ["z2", "z3"], output: "y", width: 1, hidden: 16 },
  ],
};

const STANDARDIZATION_ROWS = 20_000;
const BIAS_STD = 0.5;
/** Scale of the weights on upstream variables, so that outputs depend on them more than on the component's own x. */
const UPSTREAM_GAIN = 2;

/**
 * Draws the networks: hidden weights N(0, 2 / fan-in), output weights N(0, 1 / fan-in), biases N(0, 0.5^2). Then multiplies
 * the hidden weights on upstream variables by their gain, and standardizes every output coordinate by its mean and standard
 * deviation over rows outside any data set. This affine map is folded into the last layer, and the weights are rounded to
 * float32 before any row is generated, so that the layers are exactly the data-generating process.
 *
 * @param standardizationRows fewer are faster where there are many networks
 */
export function drawNetworks(
  architecture: NetworkArchitecture,
  seed: number,
  standardizationRows = STANDARDIZATION_ROWS,
): StructuralModel {
  const { roots } = architecture;
  const widths = new Map(roots.map((root) => [root.name, root.width]));
  const caused: CausedVariable[] = [];
  const rows = Int32Array.from({ length: standardizationRows }, (_, row) => row);
  const names = roots.map(({ name }) => name);
  // Every variable is computed once, whatever depends on it.
  const values = new Map(Object.entries(sampleModel({ roots, caused }, names, rows, seed, "standardise")));
  for (const spec of architecture.networks) {
    const inputs = [...spec.columns, ...spec.upstream].map((name) => ({ name, width: widths.get(name) ?? 0 }));
    const raw: CounterfactualOracle = { inputs, layers: drawLayers(spec, inputs, seed) };
    const read = inputs.map(({ name }) => values.get(name) as Float32Array);
    const mechanism = { inputs, layers: standardized(raw.layers, evaluateOracle(raw, read, rows.length)) };
    values.set(spec.output, evaluateOracle(mechanism, read, rows.length));
    caused.push({ name: spec.output, width: spec.width, component: spec.component, mechanism });
    widths.set(spec.output, spec.width);
  }
  return { roots, caused };
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
  const { gain = UPSTREAM_GAIN } = spec;
  for (let i = own * spec.hidden; i < weights.length; i += 1) weights[i] = (weights[i] as number) * gain;
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

/** The layers with the outputs of the last one shifted and scaled to mean 0 and variance 1 over the sample. */
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
    // A coordinate whose hidden units are all dead is constant and keeps its scale.
    const std = squares > 0 ? Math.sqrt(squares / rows) : 1;
    for (let i = 0; i < inputs; i += 1) weights[i * outputs + j] = (weights[i * outputs + j] as number) / std;
    bias[j] = ((bias[j] as number) - mean) / std;
  }
  return [...layers.slice(0, -1), { weights, bias, inputs, outputs }];
}
