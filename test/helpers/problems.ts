import { exp } from "../../services/common/elementary.ts";
import { createRandom } from "../../services/data/random/random.ts";
import type { EncodedDataset } from "../../services/learning/dataset/encoded-dataset.ts";
import type { Matrix } from "../../services/learning/dataset/row-matrix.ts";
import { denseNetwork } from "../../services/learning/programs/dense.ts";
import { trainingLosses } from "../../services/learning/programs/losses.ts";
import type { NetworkBuilder } from "../../services/learning/programs/network.ts";
import { type PreparedInputs, trainingProgram } from "../../services/learning/programs/training-program.ts";
import type { Protocol, ProtocolParameters } from "../../services/learning/protocols/protocol.ts";
import type { LossName } from "../../services/pipeline/pipeline.ts";
import type { OptimizerSpec } from "../../services/pipeline/team.ts";

export const PROBLEM_ROWS = 120;
const OWN = 3;
const IMPUTED = 2;

function gaussianMatrix(width: number, name: string): Matrix {
  const values = new Float32Array(PROBLEM_ROWS * width);
  createRandom(5, name).fillGaussian(values);
  return { width, values };
}

/** Rows that are distributions over the columns. */
function distributions(width: number, name: string): Matrix {
  const { values } = gaussianMatrix(width, name);
  const positive = values.map(exp);
  const sums = Array.from({ length: PROBLEM_ROWS }, (_, row) =>
    positive.subarray(row * width, (row + 1) * width).reduce((a, b) => a + b),
  );
  return { width, values: positive.map((value, i) => value / (sums[Math.floor(i / width)] as number)) };
}

/** A component that reads 3 own and 2 imputed coordinates, with everything that any protocol may ask for. */
export function protocolProgram(
  protocol: Protocol,
  parameters: ProtocolParameters,
  loss: LossName,
  outputs: number,
  optimizer: OptimizerSpec,
) {
  const isMse = loss === "mse";
  const target = (name: string) => (isMse ? gaussianMatrix(outputs, name) : distributions(outputs, name));
  const problem: EncodedDataset = {
    component: {
      name: "m2",
      columns: ["x2"],
      upstream: ["m1"],
      output: { name: "y", width: outputs, meaning: isMse ? "real" : "probabilities" },
      loss,
      target: "y",
    },
    rows: PROBLEM_ROWS,
    encoding: {
      columns: { columns: [], width: OWN },
      imputed: { columns: [], width: IMPUTED },
      target: { kind: "rewards" },
    },
    own: gaussianMatrix(OWN, "own"),
    imputed: gaussianMatrix(IMPUTED, "imputed"),
    target: target("target"),
  };
  const weights = gaussianMatrix(outputs, "counterfactual").values.slice(0, (OWN + IMPUTED) * outputs);
  const material: PreparedInputs = {
    previous: target("previous"),
    calibrated: gaussianMatrix(IMPUTED, "calibrated"),
    counterfactualValues: target("counterfactual values"),
    counterfactual: {
      description: "linear",
      layers: [{ inputs: OWN + IMPUTED, outputs, weights, bias: new Float32Array(outputs) }],
      link: isMse ? "identity" : "softmax",
    },
  };
  const network: NetworkBuilder = denseNetwork({ inputs: OWN + IMPUTED, outputs, seed: 3 }, [16]);
  const needs = protocol.needs(parameters, { hasUpstream: true, isConsumed: true });
  return trainingProgram({
    dataset: problem,
    network,
    loss: trainingLosses[loss],
    protocol,
    parameters,
    needs,
    prepared: material,
    optimizer,
    batch: 24,
  });
}
