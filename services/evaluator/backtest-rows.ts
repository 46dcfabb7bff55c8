import { divideHeldOut, takeHeldOut } from "../data/held-out-parts.ts";
import type { HeldOutRows } from "../data/source/data-source.ts";
import type { ColumnSchema } from "../data/table/table.ts";
import type { Inference } from "../inference/inference.ts";
import type { PartShares } from "../pipeline/gate.ts";
import type { Pipeline } from "../pipeline/pipeline.ts";
import { DEFAULT_MAX_MODEL_BYTES, type Registry } from "../registry/registry.ts";
import type { CompositionTests } from "../releases/composition-tests.ts";
import type { GateRows } from "../releases/gate-rows.ts";
import type { Logger } from "../runtime/logs.ts";
import type { RowStructure } from "../verdicts/judgement.ts";
import { createAnnotatedPart } from "./annotated-part.ts";
import { createModelOf } from "./create-model-of.ts";
import { createGateParts } from "./gate-parts.ts";
import { createHeldOutLosses } from "./held-out-losses.ts";
import { createHeldOutParts } from "./held-out-parts.ts";
import { createComposedTests } from "./model-tests/composed-tests.ts";

/** Memory for composed outputs, of all rows and once more of their parts. */
const OUTPUT_CACHE_BYTES = 256 * 1024 ** 2;
/** Divides rows independently of the parts that a gate in force has. */
const SALT = "backtest-parts";

export interface BacktestRowsDeps {
  readonly registry: Pick<Registry, "bytes" | "manifest">;
  readonly schema: readonly ColumnSchema[];
  /** Not closed here. */
  readonly inference: Inference;
  readonly signal: AbortSignal;
  /** Hides keys in what decisions will show. */
  hide(structure: RowStructure): RowStructure;
  /** Salt of the pipeline; undefined: there is none yet. */
  readonly salt: string | undefined;
  readonly log: Logger;
}

/** The held-out rows of a backtest. */
export interface BacktestRows extends Readonly<Record<"screen" | "confirm" | "all", GateRows>> {
  /** Tests of models on screen rows of the replayed gate. */
  readonly tests: CompositionTests;
  /** How many there are of each. `unseen`: confirm and reserve rows of the gate in force. */
  readonly counts: Readonly<Record<"screen" | "confirm" | "reserve" | "all" | "unseen", number>>;
  close(): Promise<void>;
}

/**
 * Divides the held-out rows for a backtest. Of rows that a gate in force keeps to itself nothing may be published, so the
 * backtest sees its screen rows only, and divides these once more.
 *
 * @param split of the gate that is replayed; @param inForce how the rows are divided now; undefined if they are not
 * @throws UncoupleError as `createHeldOutParts` and `createHeldOutLosses`
 */
export function createBacktestRows(
  pipeline: Pipeline,
  heldOut: Pick<HeldOutRows, "table" | "labels">,
  split: PartShares,
  inForce: PartShares | undefined,
  deps: BacktestRowsDeps,
): BacktestRows {
  const { rows } = heldOut.table;
  const seen =
    inForce === undefined
      ? heldOut
      : takeHeldOut(heldOut, divideHeldOut(pipeline, { rows, labels: heldOut.labels }, inForce).screen);
  const scaled = withAnnotated(pipeline, seen.table.rows / rows);
  const whole = createHeldOutParts(scaled, seen, undefined).screen;
  const { screen, sample, divided } = createHeldOutParts(scaled, seen, split, SALT);
  if (divided === undefined) throw new Error("the rows of a backtest are not divided");
  const config = { pipeline, maxModelBytes: DEFAULT_MAX_MODEL_BYTES, outputCacheBytes: OUTPUT_CACHE_BYTES };
  const reading = { ...deps, onPass: () => {} };
  const losses = createHeldOutLosses(config, { ...reading, heldOut: whole });
  const ofScreen = createHeldOutLosses(
    { ...config, outputCacheBytes: split[0] * OUTPUT_CACHE_BYTES },
    { ...reading, heldOut: screen },
  );
  const modelOf = createModelOf(pipeline, config.maxModelBytes, deps);
  const annotated = createAnnotatedPart(scaled, screen, { ...deps, modelOf }, () => {});
  const parts = createGateParts(config, divided, { ...reading, screen, losses: ofScreen, annotated });
  return {
    screen: parts.screen,
    get confirm() {
      return parts.confirm;
    },
    tests: createComposedTests({ pipeline, ...deps, sample, modelOf, salt: () => deps.salt }),
    all: { part: "screen", losses, structure: deps.hide(whole.structure), audited: undefined },
    counts: {
      screen: screen.table.rows,
      confirm: divided.confirm.table.rows,
      reserve: divided.reserve.table.rows,
      all: whole.table.rows,
      unseen: rows - whole.table.rows,
    },
    async close() {
      await parts.close();
      await ofScreen.close();
      await losses.close();
    },
  };
}

/** The same pipeline with that share of its annotated rows. */
function withAnnotated(pipeline: Pipeline, share: number): Pipeline {
  const { audit } = pipeline;
  if (audit?.heldOut === undefined) return pipeline;
  return { ...pipeline, audit: { ...audit, heldOut: Math.floor(audit.heldOut * share) } };
}
