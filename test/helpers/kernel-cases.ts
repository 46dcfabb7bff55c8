import * as tf from "@tensorflow/tfjs";
import type { TensorFunction, TestInput } from "./compiled-function.ts";

const matrix: TestInput = { shape: [3, 4] };
const positive: TestInput = { shape: [3, 4], values: [0.1, 0.5, 1, 2, 3, 0.7, 0.9, 4, 1.5, 2.5, 0.3, 0.2] };
const aroundZero: TestInput = { shape: [9], values: [-20, -3, -1e-4, -1e-7, 0, 1e-7, 1e-4, 0.9, 15] };
const row: TestInput = { shape: [4] };
const whole: TestInput = { shape: [3, 4], values: [-7, -2, 0, 1, 2, 3, 5, -1, 8, 9, -4, 6], int: true };
const divisors: TestInput = { shape: [4], values: [2, -3, 4, 5], int: true };

const fixed = (values: number[], shape: number[], dtype: tf.DataType = "float32") => tf.tensor(values, shape, dtype);
const flags = () => fixed([1, 0, 1, 1, 0, 0, 1, 0, 1, 1, 1, 0], [3, 4], "bool");
const matmul = (a: tf.Tensor, b: tf.Tensor, ta = false, tb = false) =>
  tf.matMul(a as tf.Tensor2D, b as tf.Tensor2D, ta, tb);

/** Kernel, function, inputs; the gradient of the sum is compared too unless `flat` is set (integers, comparisons). */
export const kernelCases: readonly [string, TensorFunction, TestInput[], "flat"?][] = [
  ["Add", (a, b) => tf.add(a as tf.Tensor, b as tf.Tensor), [matrix, row]],
  ["AddN", (a, b) => tf.addN([a as tf.Tensor, b as tf.Tensor, a as tf.Tensor]), [matrix, matrix]],
  ["Sub", (a, b) => tf.sub(a as tf.Tensor, b as tf.Tensor), [matrix, row]],
  ["Multiply", (a, b) => tf.mul(a as tf.Tensor, b as tf.Tensor), [matrix, row]],
  ["RealDiv", (a, b) => tf.div(a as tf.Tensor, b as tf.Tensor), [matrix, positive]],
  ["FloorDiv", (a, b) => tf.floorDiv(a as tf.Tensor, b as tf.Tensor), [whole, divisors], "flat"],
  ["Mod", (a, b) => tf.mod(a as tf.Tensor, b as tf.Tensor), [matrix, positive], "flat"],
  ["Mod", (a, b) => tf.mod(a as tf.Tensor, b as tf.Tensor), [whole, divisors], "flat"],
  ["Pow", (a, b) => tf.pow(a as tf.Tensor, b as tf.Tensor), [positive, matrix]],
  ["Maximum", (a, b) => tf.maximum(a as tf.Tensor, b as tf.Tensor), [matrix, matrix]],
  ["Minimum", (a, b) => tf.minimum(a as tf.Tensor, b as tf.Tensor), [matrix, matrix]],
  ["SquaredDifference", (a, b) => tf.squaredDifference(a as tf.Tensor, b as tf.Tensor), [matrix, matrix]],
  ["Square", (a) => tf.square(a as tf.Tensor), [matrix]],
  ["Sqrt", (a) => tf.sqrt(a as tf.Tensor), [positive]],
  ["Rsqrt", (a) => tf.rsqrt(a as tf.Tensor), [positive]],
  ["Reciprocal", (a) => tf.reciprocal(a as tf.Tensor), [positive]],
  ["Exp", (a) => tf.exp(a as tf.Tensor), [matrix]],
  ["Expm1", (a) => tf.expm1(a as tf.Tensor), [aroundZero]],
  ["Log", (a) => tf.log(a as tf.Tensor), [positive]],
  ["Log1p", (a) => tf.log1p(a as tf.Tensor), [{ shape: [6], values: [-0.5, -1e-7, 0, 1e-7, 1e-3, 30] }]],
  ["Abs", (a) => tf.abs(a as tf.Tensor), [matrix]],
  ["Neg", (a) => tf.neg(a as tf.Tensor), [matrix]],
  ["Sign", (a) => tf.sign(a as tf.Tensor), [aroundZero]],
  ["Floor", (a) => tf.floor(tf.mul(a as tf.Tensor, 5)), [matrix]],
  ["Ceil", (a) => tf.ceil(tf.mul(a as tf.Tensor, 5)), [matrix]],
  ["Round", (a) => tf.round(a as tf.Tensor), [{ shape: [6], values: [-2.5, -1.5, -0.4, 0.5, 1.5, 2.5] }]],
  ["Erf", (a) => tf.erf(a as tf.Tensor), [matrix]],
  ["Sin", (a) => tf.sin(a as tf.Tensor), [matrix]],
  ["Cos", (a) => tf.cos(a as tf.Tensor), [matrix]],
  ["Tan", (a) => tf.tan(a as tf.Tensor), [matrix]],
  ["Asin", (a) => tf.asin(a as tf.Tensor), [matrix]],
  ["Acos", (a) => tf.acos(a as tf.Tensor), [matrix]],
  ["Atan", (a) => tf.atan(a as tf.Tensor), [matrix]],
  ["Atan2", (a, b) => tf.atan2(a as tf.Tensor, b as tf.Tensor), [matrix, { shape: [4], values: [1, -1, 0.5, -2] }]],
  ["Sinh", (a) => tf.sinh(a as tf.Tensor), [matrix]],
  ["Cosh", (a) => tf.cosh(a as tf.Tensor), [matrix]],
  ["Tanh", (a) => tf.tanh(a as tf.Tensor), [matrix]],
  ["Asinh", (a) => tf.asinh(a as tf.Tensor), [matrix]],
  ["Acosh", (a) => tf.acosh(tf.add(a as tf.Tensor, 1)), [positive]],
  ["Atanh", (a) => tf.atanh(tf.mul(a as tf.Tensor, 0.9)), [matrix]],
  ["Identity", (a) => tf.clone(a as tf.Tensor), [matrix]],
  ["Cast", (a) => [tf.cast(tf.mul(a as tf.Tensor, 3), "int32"), tf.cast(a as tf.Tensor, "bool")], [matrix], "flat"],
  ["ClipByValue", (a) => tf.clipByValue(a as tf.Tensor, -0.3, 0.4), [matrix]],
  ["Select", (a, b) => tf.where(flags(), a as tf.Tensor, b as tf.Tensor), [matrix, matrix]],
  ["Equal", (a) => tf.equal(a as tf.Tensor, 2), [whole], "flat"],
  ["NotEqual", (a) => tf.notEqual(a as tf.Tensor, 2), [whole], "flat"],
  ["Greater", (a, b) => tf.greater(a as tf.Tensor, b as tf.Tensor), [matrix, row], "flat"],
  ["GreaterEqual", (a) => tf.greaterEqual(a as tf.Tensor, 2), [whole], "flat"],
  ["Less", (a, b) => tf.less(a as tf.Tensor, b as tf.Tensor), [matrix, row], "flat"],
  ["LessEqual", (a) => tf.lessEqual(a as tf.Tensor, 2), [whole], "flat"],
  ["LogicalAnd", (a) => tf.logicalAnd(tf.greater(a as tf.Tensor, 0), flags()), [matrix], "flat"],
  ["LogicalOr", (a) => tf.logicalOr(tf.greater(a as tf.Tensor, 0), flags()), [matrix], "flat"],
  ["LogicalXor", (a) => tf.logicalXor(tf.greater(a as tf.Tensor, 0), flags()), [matrix], "flat"],
  ["LogicalNot", (a) => tf.logicalNot(tf.greater(a as tf.Tensor, 0)), [matrix], "flat"],
  [
    "IsNan",
    (a) => tf.isNaN(tf.div(a as tf.Tensor, tf.mul(a as tf.Tensor, 0))),
    [{ shape: [3], values: [0, 1, -1] }],
    "flat",
  ],
  ["IsInf", (a) => tf.isInf(tf.div(1, a as tf.Tensor)), [{ shape: [3], values: [0, 1, -1] }], "flat"],
  ["IsFinite", (a) => tf.isFinite(tf.div(1, a as tf.Tensor)), [{ shape: [3], values: [0, 1, -1] }], "flat"],
  ["Relu", (a) => tf.relu(a as tf.Tensor), [matrix]],
  ["Relu6", (a) => tf.relu6(tf.mul(a as tf.Tensor, 9)), [matrix]],
  ["LeakyRelu", (a) => tf.leakyRelu(a as tf.Tensor, 0.3), [matrix]],
  ["Prelu", (a, b) => tf.prelu(a as tf.Tensor, b as tf.Tensor), [matrix, row]],
  ["Elu", (a) => tf.elu(a as tf.Tensor), [matrix]],
  ["EluGrad", (a) => tf.grad((x) => tf.elu(x))(a as tf.Tensor), [matrix], "flat"],
  ["Selu", (a) => tf.selu(a as tf.Tensor), [matrix]],
  ["Sigmoid", (a) => tf.sigmoid(a as tf.Tensor), [matrix]],
  ["Softplus", (a) => tf.softplus(tf.mul(a as tf.Tensor, 30)), [matrix]],
  ["Step", (a) => tf.step(a as tf.Tensor, 0.25), [aroundZero], "flat"],
  ["Softmax", (a, b) => tf.mul(tf.softmax(a as tf.Tensor), b as tf.Tensor), [matrix, matrix]],
  ["LogSoftmax", (a, b) => tf.mul(tf.logSoftmax(a as tf.Tensor), b as tf.Tensor), [matrix, matrix]],
  [
    "FusedBatchNorm",
    (x, mean, variance) =>
      tf.batchNorm2d(
        x as tf.Tensor2D,
        mean as tf.Tensor1D,
        variance as tf.Tensor1D,
        tf.tensor1d([1, 2, 3, 4]),
        tf.tensor1d([0.5, 1, -1, 2]),
        0.01,
      ),
    [matrix, row, { shape: [4], values: [1, 2, 0.5, 0.1] }],
  ],
  ["Sum", (a) => [tf.sum(a as tf.Tensor), tf.sum(a as tf.Tensor, 0), tf.sum(a as tf.Tensor, -1, true)], [matrix]],
  ["Sum", (a) => tf.sum(tf.greater(a as tf.Tensor, 0), 1), [matrix], "flat"],
  ["Mean", (a) => [tf.mean(a as tf.Tensor), tf.mean(a as tf.Tensor, 0, true)], [matrix]],
  ["Max", (a) => [tf.max(a as tf.Tensor), tf.max(a as tf.Tensor, 1)], [matrix]],
  ["Min", (a) => [tf.min(a as tf.Tensor), tf.min(a as tf.Tensor, [0])], [matrix]],
  ["Prod", (a) => tf.prod(a as tf.Tensor, 1), [positive]],
  ["All", (a) => [tf.all(tf.greater(a as tf.Tensor, 0), 0), tf.all(flags())], [matrix], "flat"],
  ["Any", (a) => tf.any(tf.greater(a as tf.Tensor, 0.5), 1, true), [matrix], "flat"],
  ["ArgMax", (a) => tf.argMax(a as tf.Tensor, 1), [matrix], "flat"],
  ["ArgMin", (a) => tf.argMin(a as tf.Tensor, 0), [matrix], "flat"],
  ["Cumsum", (a) => tf.cumsum(a as tf.Tensor, 1), [matrix]],
  ["Cumsum", (a) => tf.cumsum(a as tf.Tensor, 0, true, true), [matrix], "flat"],
  ["Cumprod", (a) => tf.cumprod(a as tf.Tensor, 1), [positive], "flat"],
  ["Cumprod", (a) => tf.cumprod(a as tf.Tensor, 0, true, true), [positive], "flat"],
  ["BatchMatMul", (a, b) => matmul(a as tf.Tensor, b as tf.Tensor), [matrix, { shape: [4, 2] }]],
  ["BatchMatMul", (a, b) => matmul(a as tf.Tensor, b as tf.Tensor, true, false), [matrix, { shape: [3, 2] }]],
  ["BatchMatMul", (a, b) => matmul(a as tf.Tensor, b as tf.Tensor, false, true), [matrix, { shape: [5, 4] }]],
  ["BatchMatMul", (a, b) => matmul(a as tf.Tensor, b as tf.Tensor, true, true), [matrix, { shape: [5, 3] }]],
  ["BatchMatMul", (a, b) => matmul(a as tf.Tensor, b as tf.Tensor), [{ shape: [2, 3, 4] }, { shape: [2, 4, 5] }]],
  [
    "BatchMatMul",
    (a, b) => matmul(a as tf.Tensor, b as tf.Tensor, true, true),
    [{ shape: [2, 4, 3] }, { shape: [2, 5, 4] }],
  ],
  // One matrix for a whole stack (tfjs has no gradient for it), and more matrices than are written out.
  [
    "BatchMatMul",
    (a, b) => matmul(a as tf.Tensor, b as tf.Tensor),
    [{ shape: [1, 5, 3] }, { shape: [6, 3, 4] }],
    "flat",
  ],
  ["BatchMatMul", (a, b) => matmul(a as tf.Tensor, b as tf.Tensor), [{ shape: [40, 2, 3] }, { shape: [40, 3, 5] }]],
  ...(["linear", "relu", "relu6", "elu", "sigmoid"] as const).map(
    (activation): [string, TensorFunction, TestInput[]] => [
      "_FusedMatMul",
      (a, b, bias) =>
        tf.fused.matMul({ a: a as tf.Tensor2D, b: b as tf.Tensor2D, bias: bias as tf.Tensor, activation }),
      [matrix, { shape: [4, 2] }, { shape: [2] }],
    ],
  ),
  [
    "_FusedMatMul",
    (a, b, slope) =>
      tf.fused.matMul({
        a: a as tf.Tensor2D,
        b: b as tf.Tensor2D,
        activation: "prelu",
        preluActivationWeights: slope as tf.Tensor,
      }),
    [matrix, { shape: [4, 2] }, { shape: [2] }],
    "flat",
  ],
  [
    "_FusedMatMul",
    (a, b) =>
      tf.fused.matMul({ a: a as tf.Tensor2D, b: b as tf.Tensor2D, activation: "leakyrelu", leakyreluAlpha: 0.1 }),
    [matrix, { shape: [4, 2] }],
    "flat",
  ],
  ["Einsum", (a, b) => tf.einsum("ij,kj->ki", a as tf.Tensor, b as tf.Tensor), [matrix, matrix], "flat"],
  ["Reshape", (a) => tf.reshape(a as tf.Tensor, [2, -1]), [matrix]],
  ["ExpandDims", (a) => tf.expandDims(a as tf.Tensor, -1), [matrix]],
  ["Transpose", (a) => tf.transpose(a as tf.Tensor, [2, 0, 1]), [{ shape: [2, 3, 4] }]],
  ["Slice", (a) => tf.slice(a as tf.Tensor, [1, 0], [-1, 2]), [matrix]],
  ["StridedSlice", (a) => tf.stridedSlice(a as tf.Tensor, [0, 3], [3, 0], [2, -1]), [matrix], "flat"],
  ["Reverse", (a) => [tf.reverse(a as tf.Tensor, 1), tf.reverse(a as tf.Tensor)], [matrix]],
  ["Concat", (a, b) => tf.concat([a as tf.Tensor, b as tf.Tensor], -1), [matrix, { shape: [3, 2] }]],
  ["Pack", (a, b) => tf.stack([a as tf.Tensor, b as tf.Tensor], 1), [matrix, matrix]],
  ["SplitV", (a) => tf.split(a as tf.Tensor, [1, 3], 1), [matrix]],
  ["Unpack", (a) => tf.unstack(a as tf.Tensor, 1), [matrix]],
  [
    "Tile",
    (a) => [tf.tile(a as tf.Tensor, [2, 3]), tf.broadcastTo(tf.reshape(a as tf.Tensor, [3, 1, 4]), [3, 2, 4])],
    [matrix],
  ],
  [
    "PadV2",
    (a) =>
      tf.pad(
        a as tf.Tensor,
        [
          [1, 0],
          [0, 2],
        ],
        0.5,
      ),
    [matrix],
  ],
  [
    "MirrorPad",
    (a) =>
      tf.mirrorPad(
        a as tf.Tensor,
        [
          [1, 1],
          [0, 2],
        ],
        "reflect",
      ),
    [matrix],
    "flat",
  ],
  ["Fill", (a) => tf.add(a as tf.Tensor, tf.fill([3, 4], 0.25)), [matrix]],
  ["ZerosLike", (a) => [tf.zerosLike(a as tf.Tensor), tf.add(a as tf.Tensor, tf.zerosLike(a as tf.Tensor))], [matrix]],
  ["OnesLike", (a) => [tf.onesLike(a as tf.Tensor), tf.mul(a as tf.Tensor, tf.onesLike(a as tf.Tensor))], [matrix]],
  ["GatherV2", (a) => tf.gather(a as tf.Tensor, [2, 0, 2], 1), [matrix]],
  [
    "GatherV2",
    (a) =>
      tf.gather(
        a as tf.Tensor,
        tf.tensor2d(
          [
            [2, 0],
            [1, 1],
            [0, 3],
          ],
          [3, 2],
          "int32",
        ),
        1,
        1,
      ),
    [matrix],
    "flat",
  ],
  [
    "GatherNd",
    (a) =>
      tf.gatherND(
        a as tf.Tensor,
        tf.tensor2d(
          [
            [2, 0],
            [1, 3],
          ],
          [2, 2],
          "int32",
        ),
      ),
    [matrix],
    "flat",
  ],
  ["OneHot", (a) => tf.oneHot(tf.cast(a as tf.Tensor, "int32"), 4, 5, -1), [{ shape: [3], values: [0, 3, 7] }], "flat"],
  ["UnsortedSegmentSum", (a) => tf.unsortedSegmentSum(a as tf.Tensor, tf.tensor1d([1, 0, 1], "int32"), 3), [matrix]],
  [
    "TopK",
    (a) => {
      const { values, indices } = tf.topk(a as tf.Tensor, 2);
      return [values, indices];
    },
    [matrix],
    "flat",
  ],
];

/** The gradient of a function's weighted sum by its inputs. */
export const gradientOf =
  (work: TensorFunction): TensorFunction =>
  (...inputs) =>
    tf.grads((...parameters: tf.Tensor[]) => {
      const outputs = [work(...parameters)].flat();
      // Weighted, so that a gradient in the wrong place shows.
      const sums = outputs.map((output) => {
        const weights = Array.from({ length: output.size }, (_, index) => 1 + (index % 5));
        return tf.sum(tf.mul(output, tf.tensor(weights, output.shape)));
      });
      return tf.addN(sums) as tf.Scalar;
    })(inputs);
