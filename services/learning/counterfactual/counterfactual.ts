import type * as Tf from "@tensorflow/tfjs";
import { tf } from "../../engine/tfjs/tf.ts";
import { type Matrix, mapRows, type RowMatrix } from "../dataset/row-matrix.ts";
import { evaluateDense } from "../fitting/dense-function.ts";
import type { TargetFunction } from "../fitting/fit-target.ts";
import { add, concatColumns } from "../fitting/matrices.ts";
import { softmaxRows } from "../fitting/softmax.ts";
import { type ClassBlock, mixtureTensor, mixtureValues } from "./class-mixture.ts";

/**
 * The counterfactual output as a function, ytilde(row, z) = link(network(own(row), z)) + residual(row), in the training
 * space of the component: it maps encoded own columns and standardized imputed inputs to the target's space.
 */
export interface CounterfactualFunction extends TargetFunction {
  /** Where it came from, for the manifest: `oracle`, `residualized (300 audited rows)`. */
  readonly description: string;
  /** [rows, outputs], by training row; 0 if absent. */
  readonly residual?: RowMatrix;
  /**
   * Set if the network was fitted to labels: columns of its inputs that are probabilities when it is evaluated. ytilde is
   * then the sum over their classes of z_c link(network(own, e_c)).
   */
  readonly classes?: readonly ClassBlock[];
}

/** Loads the weights as constant tensors onto tfjs's current backend. Does not add the residual. */
export function counterfactualNetwork(f: CounterfactualFunction): {
  apply(inputs: Tf.Tensor2D): Tf.Tensor2D;
  dispose(): void;
} {
  const layers = f.layers.map((layer) => ({
    weights: tf.tensor2d(layer.weights, [layer.inputs, layer.outputs]),
    bias: tf.tensor1d(layer.bias),
  }));
  const network = (inputs: Tf.Tensor2D): Tf.Tensor2D => {
    const output = layers.reduce((x, layer, i) => {
      const affine = tf.add(tf.matMul(x, layer.weights), layer.bias) as Tf.Tensor2D;
      return i < layers.length - 1 ? tf.relu(affine) : affine;
    }, inputs);
    return f.link === "softmax" ? tf.softmax(output) : output;
  };
  return {
    apply: (inputs) => (f.classes === undefined ? network(inputs) : mixtureTensor(f.classes, inputs, network)),
    dispose: () => tf.dispose(layers.map(({ weights, bias }) => [weights, bias])),
  };
}

/** Evaluates ytilde on every training row at the given inputs. @param inputs own columns, then z */
export function counterfactualValues(f: CounterfactualFunction, inputs: readonly RowMatrix[]): Promise<RowMatrix> {
  const { residual, classes } = f;
  return mapRows(residual === undefined ? inputs : [...inputs, residual], async (block) => {
    const given = block.slice(0, inputs.length);
    const predicted =
      classes === undefined
        ? await predictTarget(f, given)
        : await mixtureValues(classes, concatColumns(...given), (labeled) => predictTarget(f, [labeled]));
    return residual === undefined ? predicted : add(predicted, block[inputs.length] as Matrix);
  });
}

/** Evaluates the network and its link, without the residual. @param inputs own columns, then z */
export async function predictTarget(f: TargetFunction, inputs: readonly Matrix[]): Promise<Matrix> {
  const output = await evaluateDense(f.layers, inputs);
  if (f.link === "softmax") softmaxRows(output);
  return output;
}
