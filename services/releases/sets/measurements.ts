import { mean } from "../../common/statistics.ts";
import { compositionKey } from "../../pipeline/composition-key.ts";
import { objectivesOf } from "../../pipeline/objectives.ts";
import type { Composition } from "../../pipeline/verdict.ts";
import { limitLosses, lossBound } from "../../verdicts/paired/loss-limit.ts";
import { pipelineLoss } from "../../verdicts/pipeline-loss.ts";
import { SnapshotFault } from "../../verdicts/snapshot-fault.ts";
import type { SearchDeps } from "./search-sets.ts";

/** A composition with a finite loss. */
export interface MeasuredComposition {
  readonly composition: Composition;
  /** Mean pipeline loss on screen rows. */
  readonly loss: number;
}

/** The pipeline losses of compositions on screen rows. Each is measured once. */
export interface Measurements {
  readonly releaseLoss: number;
  /** @returns one each; infinite for a composition without a loss, and for one that the budget left unmeasured */
  lossesOf(compositions: readonly Composition[]): Promise<readonly number[]>;
  /** Measures a composition even beyond the budget. @returns infinity if it has no loss */
  lossOf(composition: Composition): Promise<number>;
  /** As `lossOf`. @returns [rows]; undefined if it has no loss */
  rowLosses(composition: Composition): Promise<Float64Array | undefined>;
  /** Those with a loss, in the order in which they were measured. */
  all(): Iterable<MeasuredComposition>;
  /** Number of compositions measured. */
  count(): number;
}

/** Compositions that one call of a host composes. */
const PER_CALL = 64;

/** @param deps whose release has a serial for everything that the loss depends on; @returns undefined if it has no loss */
export async function createMeasurements(
  deps: Pick<SearchDeps, "pipeline" | "screen" | "budget" | "signal">,
  release: Composition,
): Promise<Measurements | undefined> {
  const { pipeline, signal } = deps;
  const { losses } = deps.screen;
  const objectives = objectivesOf(pipeline);
  const limit = pipeline.verdict?.lossLimit;
  const measured = new Map<string, MeasuredComposition>();
  let bound = Number.POSITIVE_INFINITY;

  const keyOf = (composition: Composition) => compositionKey(pipeline.name, composition);

  async function unlimited(composition: Composition): Promise<Float64Array | undefined> {
    signal.throwIfAborted();
    try {
      return (await pipelineLoss(objectives, (component) => losses.rowLosses(component, composition)))?.sum;
    } catch (thrown) {
      // Judging an announcement finds out which snapshot is at fault.
      if (thrown instanceof SnapshotFault) return undefined;
      throw thrown;
    }
  }

  async function rowLosses(composition: Composition): Promise<Float64Array | undefined> {
    const rows = await unlimited(composition);
    const limited = rows && (limit === undefined ? rows : limitLosses(rows, bound));
    const loss = limited === undefined ? Number.NaN : mean(limited);
    const hasLoss = Number.isFinite(loss);
    measured.set(keyOf(composition), { composition, loss: hasLoss ? loss : Number.POSITIVE_INFINITY });
    return hasLoss ? limited : undefined;
  }

  const ofRelease = await unlimited(release);
  if (ofRelease !== undefined && limit !== undefined) bound = lossBound(ofRelease, limit);
  if ((await rowLosses(release)) === undefined) return undefined;

  return {
    releaseLoss: measured.get(keyOf(release))?.loss as number,
    rowLosses,
    async lossOf(composition) {
      const known = measured.get(keyOf(composition));
      if (known === undefined) await rowLosses(composition);
      return measured.get(keyOf(composition))?.loss as number;
    },
    async lossesOf(compositions) {
      const missing = new Map<string, Composition>();
      for (const composition of compositions) {
        if (measured.size + missing.size >= deps.budget) break;
        const key = keyOf(composition);
        if (!measured.has(key)) missing.set(key, composition);
      }
      const all = [...missing.values()];
      for (let from = 0; from < all.length; from += PER_CALL) {
        const together = all.slice(from, from + PER_CALL);
        for (const { component } of objectives) losses.prepare(component, together);
        for (const composition of together) await rowLosses(composition);
      }
      return compositions.map((composition) => measured.get(keyOf(composition))?.loss ?? Number.POSITIVE_INFINITY);
    },
    *all() {
      for (const one of measured.values()) if (Number.isFinite(one.loss)) yield one;
    },
    count: () => measured.size,
  };
}
