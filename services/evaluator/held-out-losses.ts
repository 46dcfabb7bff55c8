import { UncoupleError } from "../common/errors.ts";
import { composeLosses } from "../composition/compose-losses.ts";
import { type Composer, createComposer } from "../composition/composer.ts";
import type { ModelReaderDeps } from "../composition/hosted-snapshot.ts";
import type { Table } from "../data/table/table.ts";
import { type Target, targetOf } from "../data/targets/losses.ts";
import { targetColumn } from "../data/targets/target-column.ts";
import type { Inference } from "../inference/inference.ts";
import { MIN_HELD_OUT } from "../pipeline/generation.ts";
import type { Pipeline } from "../pipeline/pipeline.ts";
import type { Registry } from "../registry/registry.ts";
import type { ComposedLosses } from "../verdicts/composed-losses.ts";
import { createModelOf } from "./create-model-of.ts";

export interface HeldOutLossesConfig {
  readonly pipeline: Pipeline;
  /** Larger models are quarantined. */
  readonly maxModelBytes: number;
  readonly outputCacheBytes: number;
}

export interface HeldOutLossesDeps extends ModelReaderDeps {
  readonly registry: Pick<Registry, "bytes" | "manifest">;
  readonly inference: Inference;
  readonly heldOut: Table;
  /** Called after each pass of a snapshot over the held-out rows. */
  onPass(component: string): void;
}

/** Losses of compositions on the held-out rows, with the caches behind them. */
export interface HeldOutLosses extends ComposedLosses, Pick<Composer, "cachedBytes" | "close"> {}

/**
 * @throws UncoupleError `invalid-argument` for a target that does not fit its component, `failed-precondition` for too
 *   few held-out rows
 */
export function createHeldOutLosses(config: HeldOutLossesConfig, deps: HeldOutLossesDeps): HeldOutLosses {
  const { pipeline, maxModelBytes } = config;
  const { heldOut, onPass } = deps;
  if (heldOut.rows < MIN_HELD_OUT) {
    throw new UncoupleError(
      "failed-precondition",
      `${heldOut.rows} held-out rows: comparing snapshots needs at least ${MIN_HELD_OUT}; raise test_fraction or add data`,
    );
  }
  const targets = new Map<string, Target>(
    pipeline.components.map((component) => [component.name, targetOf(component, targetColumn(component, heldOut))]),
  );
  const composer = createComposer(
    { ...config, heldOut },
    {
      modelOf: createModelOf(pipeline, maxModelBytes, deps),
      inference: deps.inference,
      onPass,
      signal: deps.signal,
    },
  );
  const { cachedBytes, close } = composer;
  return { ...composeLosses(pipeline, composer, targets), cachedBytes, close };
}
