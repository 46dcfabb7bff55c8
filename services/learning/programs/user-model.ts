import { stat } from "node:fs/promises";
import { pathToFileURL } from "node:url";
import * as tf from "@tensorflow/tfjs";
import { tsImport } from "tsx/esm/api";
import { UncoupleError } from "../../common/errors.ts";
import type { TrainingLoss } from "./losses.ts";
import type { Network, NetworkBuilder, NetworkShape } from "./network.ts";

/** What a team's own module exports. It is given our tfjs, so that it needs to install nothing. */
export interface UserModelModule {
  /**
   * Builds a tfjs layers model from [rows, shape.inputs] to [rows, shape.outputs] (logits for probabilities).
   * `shape.seed` is at least 1.
   */
  buildModel(tfjs: typeof tf, shape: NetworkShape): tf.LayersModel;
  /** Replaces the component's loss in training: the mean over rows. The evaluator judges by the pipeline file's loss. */
  loss?(tfjs: typeof tf, output: tf.Tensor2D, target: tf.Tensor2D): tf.Scalar;
}

/** @throws UncoupleError `invalid-argument` when there is no file at the path of a module */
export async function requireModuleFile(path: string): Promise<void> {
  const file = await stat(path).catch(() => undefined);
  if (file?.isFile()) return;
  throw new UncoupleError("invalid-argument", `model module ${path}: there is no such file`);
}

/**
 * Loads a TypeScript or JavaScript module. This process keeps it, and what it imports, until it ends: the next load sees
 * neither freed memory nor changed files.
 *
 * @throws UncoupleError `invalid-argument` naming the file and what is wrong with it
 */
export async function loadUserModel(path: string): Promise<UserModelModule> {
  await requireModuleFile(path);
  let exported: Partial<Record<string, unknown>>;
  try {
    exported = await tsImport(pathToFileURL(path).href, import.meta.url);
  } catch (cause) {
    const [first = "", second = first] = (cause instanceof Error ? cause.message : String(cause)).split("\n");
    // A syntax error's place and kind are in the line after its heading.
    const message = first.startsWith("Transform failed") ? second : first;
    throw new UncoupleError("invalid-argument", `model module ${path}: cannot be loaded: ${message}`, { cause });
  }
  const { buildModel, loss } = exported;
  if (typeof buildModel !== "function") {
    throw new UncoupleError("invalid-argument", `model module ${path}: must export a function buildModel(tf, shape)`);
  }
  if (loss !== undefined && typeof loss !== "function") {
    throw new UncoupleError("invalid-argument", `model module ${path}: its export "loss" must be a function`);
  }
  const module = { buildModel: buildModel as UserModelModule["buildModel"] };
  return loss === undefined ? module : { ...module, loss: loss as NonNullable<UserModelModule["loss"]> };
}

/**
 * @param module what `loadUserModel` gave
 * @throws UncoupleError `invalid-argument`, when built, if the model's input or output shape is not the component's
 */
export function userNetwork(module: UserModelModule, shape: NetworkShape, path: string): NetworkBuilder {
  return (): Network => {
    const fail = (what: string, cause?: unknown) =>
      new UncoupleError("invalid-argument", `model module ${path}: ${what}`, { cause });
    let model: tf.LayersModel;
    try {
      // tfjs takes a seed of 0 for no seed, and draws another one each time.
      model = module.buildModel(tf, { ...shape, seed: shape.seed + 1 });
    } catch (cause) {
      throw cause instanceof UncoupleError ? cause : fail(`buildModel failed: ${(cause as Error).message}`, cause);
    }
    if (!(model instanceof tf.LayersModel)) throw fail("buildModel must return a tf.LayersModel");
    const expect = (what: string, found: unknown, width: number) => {
      const text = JSON.stringify(found);
      if (text !== JSON.stringify([null, width])) throw fail(`its ${what} shape is ${text}, expected [null,${width}]`);
    };
    expect("input", model.inputs[0]?.shape, shape.inputs);
    expect("output", model.outputs[0]?.shape, shape.outputs);
    // A layer's variable hides its tf.Variable; `val` is where tfjs-layers itself keeps it.
    if (model.trainableWeights.some((weight) => (weight as unknown as { constraint?: unknown }).constraint)) {
      throw fail("a layer has a weight constraint, which training here cannot keep; use a penalty in `loss` instead");
    }
    const variables = model.trainableWeights.map((weight) => (weight as unknown as { val: tf.Variable }).val);
    const regularized = model.layers.some(({ losses }) => losses.length > 0);
    return {
      variables: Object.fromEntries(variables.map((variable, i) => [`${i}`, variable])),
      apply: (inputs) => model.apply(inputs, { training: true }) as tf.Tensor2D,
      ...(regularized && { penalty: () => tf.addN(model.calculateLosses()) }),
      dispose: () => model.dispose(),
    };
  };
}

/** The module's own loss where it has one, else the component's. */
export function userLoss(module: UserModelModule, componentLoss: TrainingLoss): TrainingLoss {
  const { loss } = module;
  return loss === undefined ? componentLoss : { ...componentLoss, loss: (output, target) => loss(tf, output, target) };
}
