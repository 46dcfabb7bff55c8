import { seedOf } from "../../common/random-weights.ts";
import { CONFIDENCE_LEVEL, type Composition } from "../../pipeline/verdict.ts";
import { finiteDifferences } from "../../verdicts/paired/compare-losses.ts";
import { unitsNeeded } from "../../verdicts/paired/floor.ts";
import { hallInterval } from "../../verdicts/paired/hall.ts";
import { samplePaired } from "../../verdicts/paired/paired-interval.ts";
import type { PairedSample } from "../../verdicts/paired/sample.ts";
import type { MeasuredComposition, Measurements } from "./measurements.ts";
import type { SearchDeps } from "./search-sets.ts";
import { movesTo, type SearchSpace } from "./search-space.ts";

/**
 * Chooses among what was measured: the smallest change within one standard error of the best, without members whose
 * removal is not inferior by the margin.
 *
 * @returns undefined if nothing that may be chosen beats the release
 */
export async function chooseSet(
  deps: Pick<SearchDeps, "pipeline" | "screen" | "margin" | "isClosed">,
  space: SearchSpace,
  measurements: Measurements,
): Promise<MeasuredComposition | undefined> {
  const { releaseLoss } = measurements;
  const sizeOf = (composition: Composition) => Object.keys(movesTo(space, composition)).length;
  const mayBeChosen = ({ composition, loss }: MeasuredComposition) =>
    loss < releaseLoss && deps.isClosed?.(composition) !== true;

  /** The loss of one composition minus that of another. @returns undefined without two rows or groups */
  async function compared(one: Composition, other: Composition): Promise<PairedSample | undefined> {
    const [a, b] = [await measurements.rowLosses(one), await measurements.rowLosses(other)];
    const differences = a && b && finiteDifferences(b, a);
    return differences && samplePaired(differences, deps.screen.structure.groupings, seedOf(deps.pipeline.name));
  }

  async function isWithinOneError(one: MeasuredComposition, best: MeasuredComposition): Promise<boolean> {
    const sample = await compared(one.composition, best.composition);
    return sample !== undefined && sample.mean <= sample.standardError;
  }

  async function isNotInferior(one: MeasuredComposition, to: MeasuredComposition): Promise<boolean> {
    const sample = await compared(one.composition, to.composition);
    if (sample === undefined || sample.units < unitsNeeded(sample)) return false;
    return hallInterval(sample, CONFIDENCE_LEVEL)[1] <= deps.margin * Math.abs(releaseLoss);
  }

  /** The lowest loss for each number of moves. */
  const bySize = new Map<number, MeasuredComposition>();
  for (const one of measurements.all()) {
    const size = sizeOf(one.composition);
    if (mayBeChosen(one) && one.loss < (bySize.get(size)?.loss ?? Number.POSITIVE_INFINITY)) bySize.set(size, one);
  }
  const ascending = [...bySize].sort(([a], [b]) => a - b).map(([, one]) => one);
  if (ascending.length === 0) return undefined;
  const best = ascending.reduce((a, b) => (b.loss < a.loss ? b : a));
  let chosen = best;
  for (const one of ascending) {
    if (one === best || (await isWithinOneError(one, best))) {
      chosen = one;
      break;
    }
  }

  // Compared with what was chosen, not with the step before, so that small harms do not add up.
  let minimal = chosen;
  for (let isSmaller = true; isSmaller; ) {
    isSmaller = false;
    const members = Object.keys(movesTo(space, minimal.composition));
    if (members.length === 1) break;
    const without: MeasuredComposition[] = [];
    for (const name of members) {
      const composition = { ...minimal.composition, [name]: space.release[name] as number };
      const loss = await measurements.lossOf(composition);
      if (mayBeChosen({ composition, loss })) without.push({ composition, loss });
    }
    without.sort((a, b) => a.loss - b.loss);
    for (const one of without) {
      if (await isNotInferior(one, chosen)) {
        minimal = one;
        isSmaller = true;
        break;
      }
    }
  }
  return minimal;
}
