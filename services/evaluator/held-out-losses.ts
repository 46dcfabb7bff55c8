import { UncoupleError } from "../common/errors.ts";
import { composeLosses } from "../composition/compose-losses.ts";
import { type Composer, createComposer } from "../composition/composer.ts";
import type { ModelReaderDeps } from "../composition/hosted-snapshot.ts";
import type { Inference } from "../inference/inference.ts";
import { MIN_HELD_OUT } from "../pipeline/generation.ts";
import type { Pipeline } from "../pipeline/pipeline.ts";
import type { Registry } from "../registry/registry.ts";
import type { ComposedLosses } from "../verdicts/composed-losses.ts";
import { createModelOf } from "./create-model-of.ts";
import type { HeldOutPart } from "./held-out-parts.ts";

export interface HeldOutLossesConfig {
  readonly pipeline: Pipeline;
  /** Larger models are quarantined. */
  readonly maxModelBytes: number;
  readonly outputCacheBytes: number;
}

export interface HeldOutLossesDeps extends ModelReaderDeps {
  readonly registry: Pick<Registry, "bytes" | "manifest">;
  readonly inference: Inference;
  readonly heldOut: Pick<HeldOutPart, "table" | "targets">;
  /** Called after each pass of a snapshot over the held-out rows. */
  onPass(component: string): void;
}

/** Losses of compositions on the held-out rows, with the caches behind them. */
export interface HeldOutLosses extends ComposedLosses, Pick<Composer, "cachedBytes" | "close"> {}

/**
 * @throws UncoupleError `failed-precondition` for too few held-out rows
 */
export function createHeldOutLosses(config: HeldOutLossesConfig, deps: HeldOutLossesDeps): HeldOutLosses {
  const { pipeline, maxModelBytes } = config;
  const { heldOut, onPass } = deps;
  const { table, targets } = heldOut;
  if (table.rows < MIN_HELD_OUT) {
    throw new UncoupleError(
      "failed-precondition",
      `${table.rows} held-out rows: comparing snapshots needs at least ${MIN_HELD_OUT}; raise test_fraction or add data`,
    );
  }
  const composer = createComposer(
    { ...config, heldOut: table },
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
