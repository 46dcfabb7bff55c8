import { stat } from "node:fs/promises";
import { pathToFileURL } from "node:url";
import type * as Tf from "@tensorflow/tfjs";
import { tsImport } from "tsx/esm/api";
import { UncoupleError } from "../../common/errors.ts";
import { withRepeatableMath } from "../../engine/tfjs/repeatable-math.ts";
import { tf } from "../../engine/tfjs/tf.ts";
import type { TrainingLoss } from "./losses.ts";
import type { Network, NetworkBuilder, NetworkShape } from "./network.ts";

/** The exports of a user's model module. They receive Uncouple's tfjs, so the module does not need to install it. */
export interface UserModelModule {
  /**
   * Builds a tfjs layers model that maps [rows, shape.inputs] to [rows, shape.outputs] (logits for probabilities).
   * `shape.seed` is at least 1.
   */
  buildModel(tfjs: typeof tf, shape: NetworkShape): Tf.LayersModel;
  /**
   * Replaces the component's loss in training; returns the mean over rows. The evaluator uses the pipeline file's loss.
   */
  loss?(tfjs: typeof tf, output: Tf.Tensor2D, target: Tf.Tensor2D): Tf.Scalar;
}

/** Checks that a module's file exists. @throws UncoupleError `invalid-argument` if it does not */
export async function requireModuleFile(path: string): Promise<void> {
  const file = await stat(path).catch(() => undefined);
  if (file?.isFile()) return;
  throw new UncoupleError("invalid-argument", `model module ${path}: file not found`);
}

/**
 * Loads a TypeScript or JavaScript module. The process caches the module and its imports until it exits: loading it
 * again neither frees memory nor picks up changed files.
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
    // The position and kind of a syntax error are in its second line.
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
 * Wraps a user's model as a network.
 *
 * @param module as returned by `loadUserModel`
 * @throws UncoupleError `invalid-argument`, when built, if buildModel fails or its model does not fit the component
 */
export function userNetwork(module: UserModelModule, shape: NetworkShape, path: string): NetworkBuilder {
  return (): Network => {
    const fail = (what: string, cause?: unknown) =>
      new UncoupleError("invalid-argument", `model module ${path}: ${what}`, { cause });
    let model: Tf.LayersModel;
    try {
      // tfjs treats a seed of 0 as unset and draws a random one.
      model = withRepeatableMath(() => module.buildModel(tf, { ...shape, seed: shape.seed + 1 }));
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
    // tfjs-layers keeps the tf.Variable of a layer's weight in `val`, which its types do not declare.
    if (model.trainableWeights.some((weight) => (weight as unknown as { constraint?: unknown }).constraint)) {
      throw fail("a layer has a weight constraint, which is not supported; use a penalty in `loss` instead");
    }
    const variables = model.trainableWeights.map((weight) => (weight as unknown as { val: Tf.Variable }).val);
    const regularized = model.layers.some(({ losses }) => losses.length > 0);
    return {
      variables: Object.fromEntries(variables.map((variable, i) => [`${i}`, variable])),
      apply: (inputs) => model.apply(inputs, { training: true }) as Tf.Tensor2D,
      ...(regularized && { penalty: () => tf.addN(model.calculateLosses()) }),
      dispose: () => model.dispose(),
    };
  };
}

/** The module's own loss if it has one, else the component's. */
export function userLoss(module: UserModelModule, componentLoss: TrainingLoss): TrainingLoss {
  const { loss } = module;
  return loss === undefined ? componentLoss : { ...componentLoss, loss: (output, target) => loss(tf, output, target) };
}
