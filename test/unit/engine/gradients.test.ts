import * as tf from "@tensorflow/tfjs";
import { describe, expect, it } from "vitest";
import { systemClock } from "../../../services/common/clock/system-clock.ts";
import { createOnnxEngine } from "../../../services/engine/onnx/onnx-engine.ts";
import { createWasmEngine } from "../../../services/engine/wasm/wasm-engine.ts";
import { numbers } from "../../helpers/dense-program.ts";

/**
 * Gradients by finite differences. One step of gradient descent at rate 1 moves the weights by the gradient that the engine
 * used; it is compared with central differences of the same loss, written in float64 without tfjs.
 */
const BATCH = 6;
const [INPUTS, UNITS, OUTPUTS] = [5, 7, 3];
const H = 1e-6;

type Matrix = readonly (readonly number[])[];
type Tensor = tf.Tensor2D;

const engines = [createWasmEngine({ clock: systemClock }), createOnnxEngine("cpu", { clock: systemClock })];

/** loss(second(normalize(activate(first(x)))), y), in tfjs and in float64. */
interface Layout {
  readonly first: Pair<(x: Tensor, w: Tensor) => tf.Tensor, (x: Matrix, w: Matrix) => Matrix>;
  readonly activate: Pair<(x: Tensor) => tf.Tensor, (x: Matrix) => Matrix>;
  readonly second: Pair<(x: Tensor, w: Tensor) => tf.Tensor, (x: Matrix, w: Matrix) => Matrix>;
  readonly loss: Pair<(output: Tensor, y: Tensor) => tf.Tensor, (output: Matrix, y: Matrix) => number>;
}

interface Pair<T, M> {
  readonly tfjs: T;
  readonly exact: M;
}

const product = (a: Matrix, b: Matrix): Matrix =>
  a.map((row) => transposed(b).map((column) => sum(row.map((value, k) => value * (column[k] as number)))));
const transposed = (a: Matrix): Matrix => (a[0] ?? []).map((_, k) => a.map((row) => row[k] as number));
const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);
const mean = (values: readonly number[]) => sum(values) / values.length;
const each =
  (f: (x: number) => number) =>
  (a: Matrix): Matrix =>
    a.map((row) => row.map(f));
const rows =
  (f: (row: readonly number[]) => readonly number[]) =>
  (a: Matrix): Matrix =>
    a.map(f);
const zip = (a: Matrix, b: Matrix, f: (x: number, y: number) => number): number[] =>
  a.flatMap((row, i) => row.map((value, k) => f(value, b[i]?.[k] as number)));
const softmax = (row: readonly number[]) => {
  const powers = row.map(Math.exp);
  return powers.map((power) => power / sum(powers));
};
const logSoftmax = (row: readonly number[]) => softmax(row).map(Math.log);

/** Two factors whose product is x. In `orientation`, n is as it is, t is transposed. */
const oriented = (orientation: "nn" | "nt" | "tn" | "tt"): Layout["first"] => ({
  // The weights have the shape [inputs, outputs]; the product reads them, and x, in the given orientation.
  tfjs: (x, w) => {
    const [left, right] = [...orientation].map((part) => part === "t") as [boolean, boolean];
    return tf.matMul(left ? tf.transpose(x) : x, right ? tf.transpose(w) : w, left, right);
  },
  exact: product,
});

const straight = oriented("nn");
const activation = (tfjs: (x: Tensor) => tf.Tensor, exact: (x: Matrix) => Matrix) => ({ tfjs, exact });
const tanh = activation(tf.tanh, each(Math.tanh));
const loss = (
  tfjs: (output: Tensor, y: Tensor) => tf.Tensor,
  exact: (output: Matrix, y: Matrix) => number,
): Layout["loss"] => ({ tfjs, exact });
const squared = loss(
  (output, y) => tf.mean(tf.squaredDifference(output, y)),
  (output, y) => mean(zip(output, y, (a, b) => (a - b) ** 2)),
);

/** Abramowitz and Stegun 7.1.5, enough for arguments below 3. */
const erf = (x: number) => {
  let [term, total] = [x, x];
  for (let n = 1; n < 60; n++) {
    term *= (-x * x) / n;
    total += term / (2 * n + 1);
  }
  return (2 / Math.sqrt(Math.PI)) * total;
};
const elu = (x: number) => (x < 0 ? Math.expm1(x) : x);

const activations: readonly (readonly [string, Layout["activate"]])[] = [
  [
    "linear",
    activation(
      tf.clone,
      each((x) => x),
    ),
  ],
  [
    "relu",
    activation(
      tf.relu,
      each((x) => Math.max(0, x)),
    ),
  ],
  [
    "relu6",
    activation(
      (x) => tf.relu6(tf.mul(x, 9)),
      each((x) => Math.min(6, Math.max(0, 9 * x))),
    ),
  ],
  [
    "leakyRelu",
    activation(
      (x) => tf.leakyRelu(x, 0.3),
      each((x) => (x < 0 ? 0.3 * x : x)),
    ),
  ],
  [
    "prelu",
    activation(
      (x) => tf.prelu(x, tf.fill<tf.Rank.R2>([1, UNITS], 0.4)),
      each((x) => (x < 0 ? 0.4 * x : x)),
    ),
  ],
  ["elu", activation(tf.elu, each(elu))],
  [
    "selu",
    activation(
      tf.selu,
      each((x) => 1.0507009873554805 * (x < 0 ? 1.6732632423543772 * Math.expm1(x) : x)),
    ),
  ],
  [
    "sigmoid",
    activation(
      tf.sigmoid,
      each((x) => 1 / (1 + Math.exp(-x))),
    ),
  ],
  ["tanh", tanh],
  [
    "softplus",
    activation(
      tf.softplus,
      each((x) => Math.log1p(Math.exp(x))),
    ),
  ],
  [
    "swish",
    activation(
      (x) => tf.mul(x, tf.sigmoid(x)),
      each((x) => x / (1 + Math.exp(-x))),
    ),
  ],
  [
    "gelu",
    activation(
      (x) => tf.mul(x, tf.add(tf.erf(x), 1)),
      each((x) => x * (erf(x) + 1)),
    ),
  ],
  ["sin", activation(tf.sin, each(Math.sin))],
  ["atan", activation(tf.atan, each(Math.atan))],
  ["softmax", activation((x) => tf.softmax(x), rows(softmax))],
  ["logSoftmax", activation((x) => tf.logSoftmax(x), rows(logSoftmax))],
  [
    "clip",
    activation(
      (x) => tf.clipByValue(x, -0.4, 0.5),
      each((x) => Math.min(0.5, Math.max(-0.4, x))),
    ),
  ],
  ["abs", activation(tf.abs, each(Math.abs))],
  [
    "maximum",
    activation(
      (x) => tf.maximum(x, tf.mul(x, x)),
      each((x) => Math.max(x, x * x)),
    ),
  ],
  [
    "minimum",
    activation(
      (x) => tf.minimum(x, tf.exp(x)),
      each((x) => Math.min(x, Math.exp(x))),
    ),
  ],
  [
    "log and sqrt",
    activation(
      (x) => tf.log(tf.sqrt(tf.add(tf.square(x), 1))),
      each((x) => Math.log(x * x + 1) / 2),
    ),
  ],
  [
    "division",
    activation(
      (x) => tf.div(x, tf.add(tf.square(x), 2)),
      each((x) => x / (x * x + 2)),
    ),
  ],
  [
    "pow",
    activation(
      (x) => tf.pow(tf.add(tf.square(x), 1), 1.7),
      each((x) => (x * x + 1) ** 1.7),
    ),
  ],
];

const normalized = (row: readonly number[]) => {
  const [center, spread] = [mean(row), Math.sqrt(mean(row.map((x) => (x - mean(row)) ** 2)) + 0.1)];
  return row.map((x) => (x - center) / spread);
};
const standardize = (x: Tensor, axis: number) => {
  const { mean: center, variance } = tf.moments(x, axis, true);
  return tf.div(tf.sub(x, center), tf.sqrt(tf.add(variance, 0.1)));
};
const norms: readonly (readonly [string, Layout["activate"]])[] = [
  ["layer normalization", activation((x) => standardize(x, 1), rows(normalized))],
  [
    "batch normalization",
    activation(
      (x) => standardize(x, 0),
      (x) => transposed(rows(normalized)(transposed(x))),
    ),
  ],
  [
    "euclidean norm of rows",
    activation(
      (x) => tf.div(x, tf.norm(x, 2, 1, true)),
      rows((row) => row.map((x) => x / Math.sqrt(sum(row.map((each) => each * each))))),
    ),
  ],
  [
    "greatest of a row",
    activation(
      (x) => tf.sub(x, tf.max(x, 1, true)),
      rows((row) => row.map((x) => x - Math.max(...row))),
    ),
  ],
];

const losses: readonly (readonly [string, Layout["loss"]])[] = [
  ["squared error", squared],
  [
    "absolute error",
    loss(
      (output, y) => tf.losses.absoluteDifference(y, output),
      (output, y) => mean(zip(output, y, (a, b) => Math.abs(a - b))),
    ),
  ],
  [
    "huber",
    loss(
      (output, y) => tf.losses.huberLoss(y, output, undefined, 0.5),
      (output, y) =>
        mean(
          zip(output, y, (a, b) => {
            const error = Math.abs(a - b);
            return error < 0.5 ? error ** 2 / 2 : 0.5 * (error - 0.25);
          }),
        ),
    ),
  ],
  [
    "cross-entropy",
    loss(
      (output, y) => tf.neg(tf.mean(tf.sum(tf.mul(tf.softmax(y), tf.logSoftmax(output)), 1))),
      (output, y) => -sum(zip(rows(softmax)(y), rows(logSoftmax)(output), (a, b) => a * b)) / BATCH,
    ),
  ],
  [
    "sigmoid cross-entropy",
    loss(
      (output, y) => tf.losses.sigmoidCrossEntropy(tf.sigmoid(y), output),
      (output, y) =>
        mean(zip(output, y, (a, b) => Math.log1p(Math.exp(-Math.abs(a))) + Math.max(a, 0) - a / (1 + Math.exp(-b)))),
    ),
  ],
  [
    "policy reward",
    loss(
      (output, y) => tf.neg(tf.mean(tf.sum(tf.mul(y, tf.softmax(output)), 1))),
      (output, y) => -sum(zip(y, rows(softmax)(output), (a, b) => a * b)) / BATCH,
    ),
  ],
  [
    "log-sum-exp",
    loss(
      (output, y) => tf.sub(tf.mean(tf.logSumExp(output, 1)), tf.mean(tf.mul(output, y))),
      (output, y) =>
        mean(output.map((row) => Math.log(sum(row.map(Math.exp))))) - mean(zip(output, y, (a, b) => a * b)),
    ),
  ],
];

const plain: Layout = { first: straight, activate: tanh, second: straight, loss: squared };
const cases: readonly (readonly [string, Layout])[] = [
  ...activations.map(([name, activate]) => [name, { ...plain, activate }] as const),
  ...norms.map(([name, activate]) => [name, { ...plain, activate }] as const),
  ...losses.map(([name, loss]) => [name, { ...plain, loss }] as const),
  ...(["nn", "nt", "tn", "tt"] as const).map(
    (orientation) =>
      [`product ${orientation}`, { ...plain, first: oriented(orientation), second: oriented(orientation) }] as const,
  ),
];

const matrixOf = (values: ArrayLike<number>, width: number): Matrix =>
  Array.from({ length: values.length / width }, (_, row) =>
    Array.from({ length: width }, (__, k) => values[row * width + k] as number),
  );

describe.each(engines)("the gradient of $name is that of finite differences", (engine) => {
  it.each(cases)("%s", async (_name, { first, activate, second, loss }) => {
    const x = numbers(BATCH * INPUTS, 2);
    const y = numbers(BATCH * OUTPUTS, 3);
    const weights = { w: numbers(INPUTS * UNITS, 4), b: numbers(UNITS, 5), v: numbers(UNITS * OUTPUTS, 6) };
    const program = {
      batch: BATCH,
      resident: { x: { width: INPUTS }, y: { width: OUTPUTS } },
      feeds: {},
      optimizer: { name: "sgd", learningRate: 1 } as const,
      build() {
        const w = tf.variable(tf.tensor2d(weights.w, [INPUTS, UNITS]));
        const b = tf.variable(tf.tensor1d(weights.b));
        const v = tf.variable(tf.tensor2d(weights.v, [UNITS, OUTPUTS]));
        return {
          variables: { w, b, v },
          loss: (batch: Readonly<Record<string, Tensor>>) => {
            const sums = tf.add(first.tfjs(batch.x as Tensor, w), b) as Tensor;
            return loss.tfjs(second.tfjs(activate.tfjs(sums) as Tensor, v) as Tensor, batch.y as Tensor) as tf.Scalar;
          },
          dispose: () => tf.dispose([w, b, v]),
        };
      },
    };
    const exactLoss = (at: Readonly<Record<keyof typeof weights, readonly number[]>>): number => {
      const sums = first
        .exact(matrixOf(x, INPUTS), matrixOf(at.w, UNITS))
        .map((row) => row.map((value, k) => value + (at.b[k] as number)));
      return loss.exact(second.exact(activate.exact(sums), matrixOf(at.v, OUTPUTS)), matrixOf(y, OUTPUTS));
    };
    const point = { w: [...weights.w], b: [...weights.b], v: [...weights.v] };

    const session = await engine.prepare(program, { x, y }, BATCH);
    const indices = Int32Array.from({ length: BATCH }, (_, row) => row);
    const [value] = await session.run({ steps: 1, indices, learningRates: Float32Array.of(1), feeds: {} });
    const state = await session.state();
    await session.dispose();

    expect(Math.abs((value as number) - exactLoss(point))).toBeLessThan(2e-6 * Math.max(1, exactLoss(point)));
    for (const name of ["w", "b", "v"] as const) {
      const after = state[`variable/${name}`]?.values as Float32Array;
      point[name].forEach((before, index) => {
        const shifted = (by: number) => exactLoss({ ...point, [name]: point[name].with(index, before + by) });
        const slope = (shifted(H) - shifted(-H)) / (2 * H);
        const used = before - (after[index] as number);
        expect(Math.abs(used - slope), `${name}[${index}]: ${used}, not ${slope}`).toBeLessThan(
          (engine.name === "wasm" ? 5e-6 : 1e-5) * Math.max(1, Math.abs(slope)),
        );
      });
    }
  });
});
