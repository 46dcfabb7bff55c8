import type * as Tf from "@tensorflow/tfjs";
import { UncoupleError } from "../../common/errors.ts";
import type { TrainingProgram } from "../../engine/interface/program.ts";
import { tf } from "../../engine/tfjs/tf.ts";
import type { OptimizerSpec } from "../../pipeline/team.ts";
import { type CounterfactualFunction, counterfactualNetwork } from "../counterfactual/counterfactual.ts";
import type { EncodedDataset } from "../dataset/encoded-dataset.ts";
import type { RowMatrix } from "../dataset/row-matrix.ts";
import type { Protocol, ProtocolNeeds, ProtocolParameters } from "../protocols/protocol.ts";
import { type TrainingColumns, trainingColumns } from "../training/training-columns.ts";
import type { TrainingLoss } from "./losses.ts";
import type { NetworkBuilder } from "./network.ts";

/** The inputs that a protocol needs, prepared on the training rows. */
export interface PreparedInputs {
  /** Predictions of the component's previous snapshot, in the output space of `TrainingLoss.link`. */
  readonly previous?: RowMatrix;
  /** ytilde at the imputed inputs, if the protocol needs it only there. */
  readonly counterfactualValues?: RowMatrix;
  /** ytilde as a function, if the protocol needs it at other points too. */
  readonly counterfactual?: CounterfactualFunction;
  /** ztilde, in the space of the imputed inputs. */
  readonly calibrated?: RowMatrix;
  /** Where the counterfactual function or the calibrated inputs came from, for the manifest. */
  readonly description?: string;
}

export interface ProgramParts {
  readonly dataset: EncodedDataset;
  readonly network: NetworkBuilder;
  readonly loss: TrainingLoss;
  readonly protocol: Protocol;
  readonly parameters: ProtocolParameters;
  readonly needs: ProtocolNeeds;
  readonly prepared: PreparedInputs;
  readonly optimizer: OptimizerSpec;
  readonly batch: number;
}

/** Builds a component's training step under a protocol, and the resident columns that it reads. */
export function trainingProgram(parts: ProgramParts): {
  program: TrainingProgram;
  data: TrainingColumns;
} {
  const { dataset, needs, prepared } = parts;
  const resident: Record<string, RowMatrix> = { target: dataset.target };
  if (dataset.own !== undefined) resident.own = dataset.own;
  if (dataset.imputed !== undefined) resident.imputed = dataset.imputed;
  if (prepared.previous !== undefined) resident.previous = prepared.previous;
  if (needs.calibrated) resident.calibrated = required(prepared.calibrated, "calibrated inputs");
  if (needs.counterfactual === "values") {
    resident.counterfactual = required(prepared.counterfactualValues, "counterfactual outputs");
  }
  if (needs.counterfactual === "function") {
    const { residual } = required(prepared.counterfactual, "a counterfactual source");
    if (residual !== undefined) resident.residual = residual;
  }
  const widths = Object.fromEntries(Object.entries(resident).map(([name, { width }]) => [name, { width }]));
  const program: TrainingProgram = {
    batch: parts.batch,
    optimizer: parts.optimizer,
    resident: widths,
    feeds: needs.noise ? { noise: { width: required(dataset.imputed, "imputed inputs").width } } : {},
    build: () => build(parts),
  };
  return { program, data: trainingColumns(resident) };
}

/** The network's inputs, in order: own columns, then imputed outputs. */
export function inputsOf(dataset: EncodedDataset): RowMatrix[] {
  return [dataset.own, dataset.imputed].filter((matrix) => matrix !== undefined);
}

export function inputWidth(dataset: EncodedDataset): number {
  return inputsOf(dataset).reduce((sum, { width }) => sum + width, 0);
}

function build(parts: ProgramParts) {
  const { needs, prepared, protocol, parameters, loss } = parts;
  const network = parts.network();
  const f =
    needs.counterfactual === "function"
      ? counterfactualNetwork(required(prepared.counterfactual, "a counterfactual source"))
      : undefined;
  const withOwn = (own: Tf.Tensor2D | undefined, imputed: Tf.Tensor2D | undefined): Tf.Tensor2D => {
    if (own === undefined) return required(imputed, "any input");
    return imputed === undefined ? own : tf.concat2d([own, imputed], 1);
  };
  return {
    variables: network.variables,
    dispose: () => {
      network.dispose();
      f?.dispose();
    },
    loss: (batch: Readonly<Record<string, Tf.Tensor2D>>) => {
      const { own, imputed, noise, previous, calibrated, residual } = batch;
      const value = protocol.loss(
        {
          tf,
          target: required(batch.target, "a target"),
          ...(imputed !== undefined && { imputed }),
          ...(noise !== undefined && { noise }),
          ...(previous !== undefined && { previous }),
          ...(calibrated !== undefined && { calibrated }),
          output: (z) => network.apply(withOwn(own, z)),
          counterfactual: (z) => {
            if (f === undefined) return required(batch.counterfactual, "counterfactual outputs");
            const value = f.apply(withOwn(own, z));
            return residual === undefined ? value : (tf.add(value, residual) as Tf.Tensor2D);
          },
          loss: loss.loss,
          link: loss.link,
        },
        parameters,
      );
      return network.penalty === undefined ? value : (tf.add(value, network.penalty()) as Tf.Scalar);
    },
  };
}

function required<T>(value: T | undefined, what: string): T {
  if (value === undefined) throw new UncoupleError("internal", `the training program is missing ${what}`);
  return value;
}
