import { seedOf } from "../../common/random-weights.ts";
import { CONFIDENCE_LEVEL } from "../../pipeline/verdict.ts";
import { finiteDifferences } from "../../verdicts/paired/compare-losses.ts";
import { unitsNeeded } from "../../verdicts/paired/floor.ts";
import { hallInterval } from "../../verdicts/paired/hall.ts";
import { samplePaired } from "../../verdicts/paired/paired-interval.ts";
import type { PairedSample } from "../../verdicts/paired/sample.ts";
import type { Measured, Measurements } from "./measurements.ts";
import type { SearchDeps } from "./search-space.ts";
import { type Point, type SearchSpace, sizeOf } from "./search-space.ts";

type ChoiceDeps = Pick<SearchDeps, "pipeline" | "screen" | "margin" | "isClosed">;

/**
 * Chooses among what was measured: the smallest change within one standard error of the best, then without members that it
 * can do without.
 *
 * @returns undefined if nothing that may be chosen beats the release
 */
export async function chooseSet(
  deps: ChoiceDeps,
  space: SearchSpace,
  measurements: Measurements,
): Promise<Measured | undefined> {
  const mayBeChosen = ({ point, loss }: Measured) =>
    loss < measurements.releaseLoss && deps.isClosed?.(space.compositionAt(point)) !== true;

  /** The loss of one less that of the other. @returns undefined with fewer than two rows or groups */
  async function compare(one: Point, other: Point): Promise<PairedSample | undefined> {
    const ofOne = await measurements.rowLosses(one);
    const ofOther = await measurements.rowLosses(other);
    const differences = ofOne && ofOther && finiteDifferences(ofOther, ofOne);
    return differences && samplePaired(differences, deps.screen.structure.groupings, seedOf(deps.pipeline.name));
  }

  async function isWithinOneError(one: Point, best: Point): Promise<boolean> {
    const sample = await compare(one, best);
    return sample !== undefined && sample.mean <= sample.standardError;
  }

  async function isNotInferior(one: Point, to: Point): Promise<boolean> {
    const sample = await compare(one, to);
    if (sample === undefined || sample.units < unitsNeeded(sample)) return false;
    return hallInterval(sample, CONFIDENCE_LEVEL)[1] <= deps.margin * Math.abs(measurements.releaseLoss);
  }

  /** Of each size the best, the smallest first. */
  function bestOfSizes(): readonly Measured[] {
    const bySize = new Map<number, Measured>();
    for (const one of measurements.all()) {
      const size = sizeOf(one.point);
      if (mayBeChosen(one) && one.loss < (bySize.get(size)?.loss ?? Number.POSITIVE_INFINITY)) bySize.set(size, one);
    }
    return [...bySize].sort(([a], [b]) => a - b).map(([, one]) => one);
  }

  async function smallestNearBest(): Promise<Measured | undefined> {
    const sizes = bestOfSizes();
    const best = lowest(sizes);
    for (const one of sizes) {
      if (one === best || (await isWithinOneError(one.point, (best as Measured).point))) return one;
    }
    return undefined;
  }

  /** The best set with one member less that is not inferior to a set. */
  async function withoutOne({ point }: Measured, reference: Measured): Promise<Measured | undefined> {
    if (sizeOf(point) === 1) return undefined;
    const smaller: Measured[] = [];
    for (const [at, choice] of point.entries()) {
      if (choice === 0) continue;
      const without = point.with(at, 0);
      const one = { point: without, loss: await measurements.lossOf(without) };
      if (mayBeChosen(one) && (await isNotInferior(without, reference.point))) smaller.push(one);
    }
    return lowest(smaller);
  }

  const chosen = await smallestNearBest();
  let minimal = chosen;
  for (let next = chosen; next !== undefined; ) {
    minimal = next;
    // Compared with what was chosen, not with the step before, so that small harms do not add up.
    next = await withoutOne(next, chosen as Measured);
  }
  return minimal;
}

/** The first of those with the lowest loss. */
function lowest(measured: readonly Measured[]): Measured | undefined {
  return measured.reduce<Measured | undefined>((best, one) => (best && best.loss <= one.loss ? best : one), undefined);
}
