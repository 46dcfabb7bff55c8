import { yieldToEventLoop } from "../../common/async/yield.ts";
import { UncoupleError } from "../../common/errors.ts";
import { compileInference } from "../../engine/compiler/inference.ts";
import type { InferenceInput } from "../../engine/compiler/inference-program.ts";
import type { Engine, RunningEngine } from "../../engine/interface/engine.ts";
import type { TrainingState } from "../../engine/interface/program.ts";
import type { TensorSpec } from "../../pipeline/manifest.ts";
import { denseNetwork } from "../programs/dense.ts";
import { type TrainingLoss, trainingLosses } from "../programs/losses.ts";
import type { NetworkBuilder, NetworkShape } from "../programs/network.ts";
import { predictionProgram } from "../programs/prediction-program.ts";
import { inputWidth, trainingProgram } from "../programs/training-program.ts";
import { type UserModelModule, userLoss, userNetwork } from "../programs/user-model.ts";
import { findProtocol } from "../protocols/all.ts";
import { runTraining, type Train } from "../training/run-training.ts";
import type { TrainingCheckpoint, TrainingProgress } from "../training/training-progress.ts";
import { lookSteps } from "./look-steps.ts";
import type { PreparedTraining } from "./prepare-training.ts";
import type { ModelLooks, TrainedComponent } from "./training-backend.ts";

export interface TrainingExecution {
  readonly engine: Engine;
  /** Runs the steps; default: `runTraining`. */
  readonly train?: Train;
  /** The loaded module, if the team's model is one. */
  readonly module?: UserModelModule;
  readonly resume?: TrainingCheckpoint;
  readonly signal?: AbortSignal;
  readonly looks?: ModelLooks;
  onStart?(engine: RunningEngine): void | Promise<void>;
  onProgress?(progress: TrainingProgress): void | Promise<void>;
}

/**
 * Runs a prepared training on the engine of this process and compiles the result into an ONNX model of raw inputs.
 *
 * @throws UncoupleError `failed-precondition` (divergence), `invalid-argument` (a user's model module); the reason of
 *   the signal once it is aborted
 */
export async function executeTraining(
  training: PreparedTraining,
  execution: TrainingExecution,
): Promise<TrainedComponent> {
  const { team, dataset, needs, prepared } = training;
  const { resume, signal, looks, onStart, onProgress } = execution;
  const { component } = dataset;
  const { network, loss, description } = modelOf(training, execution.module);
  const { program, data } = trainingProgram({
    dataset,
    network,
    loss,
    protocol: findProtocol(team.protocol.name),
    parameters: team.protocol.parameters,
    needs,
    prepared,
    optimizer: team.optimizer,
    batch: team.batch,
  });
  const predictionOf = (state: TrainingState) => predictionProgram(dataset, network, loss, state);
  // Long steps block this thread.
  await yieldToEventLoop();
  const {
    state,
    loss: trainingLoss,
    engine,
  } = await (execution.train ?? runTraining)({
    engine: execution.engine,
    program,
    data,
    rows: dataset.rows,
    steps: team.steps,
    schedule: team.schedule,
    seed: team.seed,
    ...(resume !== undefined && { resume }),
    ...(signal !== undefined && { signal }),
    looks: {
      at: lookSteps(team, looks),
      async look({ step, state: reached }) {
        if (step === team.stopAfter) return false;
        return looks?.look(step, compileInference(predictionOf(reached)).bytes) ?? true;
      },
    },
    ...(onStart !== undefined && { onStart }),
    ...(onProgress !== undefined && { onProgress }),
  });
  const prediction = predictionOf(state);
  const { bytes, opset } = compileInference(prediction);
  return {
    bytes,
    opset,
    inputs: prediction.inputs.map(tensorSpec),
    output: { name: component.output.name, kind: "numeric", width: component.output.width },
    model: description,
    ...(prepared.description !== undefined && { counterfactual: prepared.description }),
    loss: trainingLoss,
    engine: engine.name,
    numerics: engine.numerics,
  };
}

function modelOf(
  { team, dataset }: PreparedTraining,
  module: UserModelModule | undefined,
): { network: NetworkBuilder; loss: TrainingLoss; description: string } {
  const shape: NetworkShape = { inputs: inputWidth(dataset), outputs: dataset.component.output.width, seed: team.seed };
  const loss = trainingLosses[dataset.component.loss];
  if (team.model.kind === "dense") {
    const { hidden } = team.model;
    const widths = [shape.inputs, ...hidden, shape.outputs].join("-");
    return {
      network: denseNetwork(shape, hidden),
      loss,
      description: hidden.length === 0 ? `linear ${widths}` : `dense ${widths}`,
    };
  }
  const { path } = team.model;
  if (module === undefined) throw new UncoupleError("internal", `model module ${path}: not loaded before its training`);
  return {
    network: userNetwork(module, shape, path),
    loss: userLoss(module, loss),
    description: `module ${path.split("/").at(-1)}`,
  };
}

function tensorSpec(input: InferenceInput): TensorSpec {
  return { name: input.name, kind: input.kind, width: input.kind === "numeric" ? input.width : 1 };
}
