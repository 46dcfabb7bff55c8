import type { GraphBuilder, Value } from "../graph/ir.ts";
import { numberLike } from "./elementwise.ts";
import {
  attr,
  binary,
  input,
  type KernelCall,
  type Lowering,
  normalAxis,
  number,
  unary,
  unsupported,
  where,
} from "./lowering.ts";

const relu = (builder: GraphBuilder, x: Value): Value => unary(builder, "Relu", x);

const relu6 = (builder: GraphBuilder, x: Value): Value =>
  builder.add("Clip", [x, numberLike(x, 0), numberLike(x, 6)], x.type, x.shape);

const leakyRelu = (builder: GraphBuilder, x: Value, alpha: number): Value =>
  builder.add("LeakyRelu", [x], x.type, x.shape, { alpha: { float: alpha } });

const elu = (builder: GraphBuilder, x: Value): Value =>
  builder.add("Elu", [x], x.type, x.shape, { alpha: { float: 1 } });

/** ONNX's PRelu wants the slope to broadcast to x, and so does tfjs. */
const prelu = (builder: GraphBuilder, x: Value, alpha: Value): Value =>
  builder.add("PRelu", [x, alpha], x.type, x.shape);

/** The activation that tfjs fuses into a matrix product. */
export function fusedActivation(call: KernelCall, x: Value, activation: string): Value {
  const { builder } = call;
  switch (activation) {
    case "linear":
      return x;
    case "relu":
      return relu(builder, x);
    case "relu6":
      return relu6(builder, x);
    case "elu":
      return elu(builder, x);
    case "sigmoid":
      return unary(builder, "Sigmoid", x);
    case "leakyrelu":
      return leakyRelu(builder, x, attr<number | undefined>(call, "leakyreluAlpha") ?? 0.2);
    case "prelu":
      return prelu(builder, x, input(call, "preluActivationWeights"));
    default:
      throw unsupported(call, `with the activation ${activation}`);
  }
}

const softmax =
  (op: "Softmax" | "LogSoftmax", axisName: string): Lowering =>
  (call) => {
    const x = input(call, "logits");
    const axis = normalAxis(attr(call, axisName), x.shape.length);
    return call.builder.add(op, [x], x.type, x.shape, { axis });
  };

/** dy where y >= 0, dy * (y + 1) elsewhere: the gradient of elu from its output. */
const eluGrad: Lowering = (call) => {
  const { builder } = call;
  const [dy, y] = [input(call, "dy"), input(call, "y")];
  const slope = binary(builder, "Add", binary(builder, "Min", y, number(0)), number(1));
  return binary(builder, "Mul", dy, slope);
};

/** Above every float32 divided by the least normal one. */
export const STEEP = 3e38;

/**
 * 1 above zero, `alpha` at and below it, NaN for NaN. The step from 0 to 1, which every gradient of Relu has, is a HardSigmoid so steep that
 * only denormal numbers fall on its slope: one operator, where a comparison and a selection take five times as long.
 */
const step: Lowering = (call) => {
  const { builder } = call;
  const x = input(call, "x");
  const alpha = attr<number | undefined>(call, "alpha") ?? 0;
  if (alpha === 0 && x.type === "float32") {
    return builder.add("HardSigmoid", [x], x.type, x.shape, { alpha: { float: STEEP }, beta: { float: 0 } });
  }
  const above = binary(builder, "Greater", x, numberLike(x, 0), "bool");
  const otherwise = numberLike(x, alpha);
  if (x.type !== "float32") return where(builder, above, numberLike(x, 1), otherwise);
  const notAbove = binary(builder, "LessOrEqual", x, number(0), "bool");
  return where(builder, above, number(1), where(builder, notAbove, otherwise, x));
};

/** (x - mean) / sqrt(variance + epsilon) * scale + offset, with given statistics. */
const batchNorm: Lowering = (call) => {
  const { builder } = call;
  const { scale, offset } = call.inputs;
  const epsilon = number(attr<number | undefined>(call, "varianceEpsilon") ?? 0.001);
  const deviation = unary(builder, "Sqrt", binary(builder, "Add", input(call, "variance"), epsilon));
  const factor = binary(builder, "Div", scale ?? number(1), deviation);
  const centered = binary(builder, "Sub", input(call, "x"), input(call, "mean"));
  const scaled = binary(builder, "Mul", centered, factor);
  return offset === undefined ? scaled : binary(builder, "Add", scaled, offset);
};

export const activationLowerings: Readonly<Record<string, Lowering>> = {
  Relu: (call) => relu(call.builder, input(call, "x")),
  Relu6: (call) => relu6(call.builder, input(call, "x")),
  LeakyRelu: (call) => leakyRelu(call.builder, input(call, "x"), attr(call, "alpha")),
  Prelu: (call) => prelu(call.builder, input(call, "x"), input(call, "alpha")),
  Elu: (call) => elu(call.builder, input(call, "x")),
  EluGrad: eluGrad,
  Selu: (call) => {
    const x = input(call, "x");
    return call.builder.add("Selu", [x], x.type, x.shape);
  },
  Sigmoid: (call) => unary(call.builder, "Sigmoid", input(call, "x")),
  Softplus: (call) => unary(call.builder, "Softplus", input(call, "x")),
  Step: step,
  FusedBatchNorm: batchNorm,
  Softmax: softmax("Softmax", "dim"),
  LogSoftmax: softmax("LogSoftmax", "axis"),
};
