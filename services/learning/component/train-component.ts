import { setImmediate } from "node:timers/promises";
import { compileInference } from "../../engine/compiler/inference.ts";
import type { InferenceInput } from "../../engine/compiler/inference-program.ts";
import type { TensorSpec } from "../../pipeline/manifest.ts";
import type { Component } from "../../pipeline/pipeline.ts";
import type { TeamConfig } from "../../pipeline/team.ts";
import { type EncodedDataset, encodeDataset } from "../dataset/encoded-dataset.ts";
import { denseNetwork } from "../programs/dense.ts";
import { type TrainingLoss, trainingLosses } from "../programs/losses.ts";
import type { NetworkBuilder, NetworkShape } from "../programs/network.ts";
import { predictionProgram } from "../programs/prediction-program.ts";
import { inputWidth, trainingProgram } from "../programs/training-program.ts";
import { loadUserModel, userLoss, userNetwork } from "../programs/user-model.ts";
import { findProtocol } from "../protocols/all.ts";
import { runTraining } from "../training/run-training.ts";
import type { ComponentTraining, TrainedComponent } from "./component-training.ts";
import { doublyRobust } from "./doubly-robust.ts";
import { fitContext, imputedInputs, prepareInputs } from "./prepare-inputs.ts";

/**
 * Trains one component as its team decided, on the predictions of the given upstream snapshots, and compiles the
 * result into an ONNX model of raw inputs. The same arguments give the same bytes on the same engine.
 *
 * @throws UncoupleError `failed-precondition` (no upstream snapshot, no counterfactual source, divergence, a target
 *   that does not fit), `invalid-argument` (a user's model module), `cancelled`
 */
export async function trainComponent(training: ComponentTraining): Promise<TrainedComponent> {
  const { pipeline, team, table } = training;
  const component = pipeline.components.find(({ name }) => name === team.component) as Component;
  const imputed = await imputedInputs(training, component, table);
  // What is long here holds this thread; whoever else needs it gets a turn in between.
  await setImmediate();
  const encoded = encodeDataset(component, table, imputed);
  const dataset =
    encoded.logged === undefined ? encoded : await doublyRobust(encoded, encoded.logged, fitContext(training));
  await setImmediate();
  const { network, loss, description } = await modelOf(team, dataset);
  const protocol = findProtocol(team.protocol.name);
  const { parameters } = team.protocol;
  const needs = protocol.needs(parameters, {
    hasUpstream: component.upstream.length > 0,
    isConsumed: pipeline.components.some(({ upstream }) => upstream.includes(component.name)),
  });
  const prepared = await prepareInputs(training, dataset, needs, imputed);
  const { program, data } = trainingProgram({
    dataset,
    network,
    loss,
    protocol,
    parameters,
    needs,
    prepared,
    optimizer: team.optimizer,
    batch: team.batch,
  });
  await setImmediate();
  const { state, loss: trainingLoss } = await runTraining({
    engine: training.engine,
    program,
    data,
    rows: dataset.rows,
    steps: team.steps,
    schedule: team.schedule,
    seed: team.seed,
    ...(training.resume !== undefined && { resume: training.resume }),
    ...(training.signal !== undefined && { signal: training.signal }),
    ...(training.onProgress !== undefined && { onProgress: training.onProgress }),
  });
  const prediction = predictionProgram(dataset, network, loss, state);
  const { bytes, opset } = compileInference(prediction);
  return {
    bytes,
    opset,
    inputs: prediction.inputs.map(tensorSpec),
    output: { name: component.output.name, kind: "numeric", width: component.output.width },
    model: description,
    ...(prepared.description !== undefined && { counterfactual: prepared.description }),
    loss: trainingLoss,
  };
}

async function modelOf(
  team: TeamConfig,
  dataset: EncodedDataset,
): Promise<{ network: NetworkBuilder; loss: TrainingLoss; description: string }> {
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
  const module = await loadUserModel(path);
  return {
    network: userNetwork(module, shape, path),
    loss: userLoss(module, loss),
    description: `module ${path.split("/").at(-1)}`,
  };
}

function tensorSpec(input: InferenceInput): TensorSpec {
  return { name: input.name, kind: input.kind, width: input.kind === "numeric" ? input.width : 1 };
}
