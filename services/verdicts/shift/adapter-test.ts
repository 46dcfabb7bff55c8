import { componentNamed, consumers } from "../../pipeline/dag.ts";
import type { AdapterSkip, AdapterTest, HarmCause, InterfaceShift } from "../../pipeline/interface-shift.ts";
import { objectiveClosure } from "../../pipeline/objectives.ts";
import type { Pipeline } from "../../pipeline/pipeline.ts";
import type { PairedComparison } from "../../pipeline/verdict.ts";
import type { Grouping } from "../paired/sample.ts";
import { adaptAffinely } from "./affine-adapter.ts";

/** Wider outputs would take seconds to fit, and rows that few verdicts have. */
const MOST_WIDTH = 64;
/** Rows or groups of a half, per coefficient of one coordinate. */
const UNITS_PER_COEFFICIENT = 10;
/**
 * What may stay of the harm if an adapter is said to do: these shares of the harm and of the current loss, whichever is
 * less; and, where the current loss is next to nothing, in any case this share of the harm.
 */
const TOLERATED_OF_HARM = 0.1;
const TOLERATED_OF_LOSS = 0.01;
const ALWAYS_TOLERATED_OF_HARM = 0.001;

export interface AdapterTestDeps {
  readonly pipeline: Pipeline;
  /** The announced component. */
  readonly component: string;
  /** Its outputs, [rows * width]: of the snapshot in use, and of the announced one. */
  readonly current: Float32Array;
  readonly candidate: Float32Array;
  /** As in `RowStructure`. */
  readonly groupings: readonly Grouping[];
  /**
   * Compares the candidate composition with the current one, where these consumers read these values in place of the
   * candidate's output.
   * @returns undefined if a prediction is invalid
   */
  compare(values: Float32Array, consumers: readonly string[]): Promise<AdaptedComparison | undefined>;
}

/** The part of a comparison that tells what harm was done. */
type Harm = Pick<PairedComparison, "kind" | "difference" | "currentLoss">;
/** The part that tells what an adapter does about it. */
type AdaptedComparison = Pick<PairedComparison, "candidateLoss" | "difference" | "interval" | "reason">;

/**
 * Asks whether the harm of an update is a change of convention only (a scale, an offset, coordinates in another order),
 * which an affine adapter between the component and its consumers would undo. The adapter maps new outputs to old ones and
 * is fitted without labels, on other rows than those that it is measured on.
 *
 * @param harm of the update; undefined if it was not compared
 */
export async function testAdapter(
  harm: Harm | undefined,
  deps: AdapterTestDeps,
): Promise<Pick<InterfaceShift, "adapter" | "adapterSkipped">> {
  const { pipeline, component } = deps;
  const skipped = (adapterSkipped: AdapterSkip) => ({ adapterSkipped });
  const { width, meaning } = componentNamed(pipeline, component).output;
  const needed = objectiveClosure(pipeline);
  const reading = consumers(pipeline.components, component).map(({ name }) => name);
  const between = reading.filter((name) => needed.includes(name));

  if (between.length === 0) return skipped("not-upstream");
  if (meaning === "probabilities") return skipped("probabilities");
  if (harm === undefined) return skipped("no-comparison");
  if (harm.kind !== "degraded" && harm.kind !== "self-defeating") return skipped("no-harm");
  if (width > MOST_WIDTH) return skipped("too-wide");
  const [grouping] = deps.groupings;
  const half = halves(deps.candidate.length / width, grouping);
  const units = Math.floor((grouping?.count ?? half.length) / 2);
  if (units < UNITS_PER_COEFFICIENT * (width + 1)) return skipped("too-few-rows");

  const values = await adaptAffinely(deps.candidate, deps.current, width, half);
  const adapted = await deps.compare(values, between);
  if (adapted === undefined) return skipped("not-finite");
  const { candidateLoss: loss, difference, interval } = adapted;
  const currentLoss = Math.abs(harm.currentLoss);
  const tolerated = Math.max(
    Math.min(TOLERATED_OF_HARM * harm.difference, TOLERATED_OF_LOSS * currentLoss),
    ALWAYS_TOLERATED_OF_HARM * harm.difference,
    (pipeline.verdict?.minimumEffect ?? 0) * currentLoss,
  );
  const adapter: AdapterTest = {
    loss,
    difference,
    interval,
    recovered: 1 - difference / harm.difference,
    explains: adapted.reason === undefined ? causeOf(interval, tolerated) : "undecided",
  };
  return { adapter };
}

/** Every second row, or every second group. Held-out rows are in no order that a period of two could hit. */
function halves(rows: number, grouping: Grouping | undefined): Uint8Array {
  return Uint8Array.from(
    { length: rows },
    (_, row) => (grouping === undefined ? row : (grouping.codes[row] as number)) % 2,
  );
}

function causeOf([low, high]: readonly [number, number], tolerated: number): HarmCause {
  if (high <= tolerated) return "convention";
  return low > tolerated ? "content" : "undecided";
}
