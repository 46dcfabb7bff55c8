import { mean } from "../../common/statistics.ts";
import { objectivesOf } from "../../pipeline/objectives.ts";
import type { Composition } from "../../pipeline/verdict.ts";
import { limitLosses, lossBound } from "../../verdicts/paired/loss-limit.ts";
import { pipelineLoss } from "../../verdicts/pipeline-loss.ts";
import { SnapshotFault } from "../../verdicts/snapshot-fault.ts";
import type { SearchDeps } from "./search-space.ts";
import { keyOf, type Point, type SearchSpace } from "./search-space.ts";

export interface Measured {
  readonly point: Point;
  /** Mean pipeline loss on screen rows; infinite if a prediction is invalid there. */
  readonly loss: number;
}

/** The pipeline losses of compositions on screen rows. Each is measured once. */
export interface Measurements {
  readonly releaseLoss: number;
  /** Measures points in order, as far as the budget goes. */
  measure(points: readonly Point[]): Promise<void>;
  /** Measures a point even beyond the budget. */
  lossOf(point: Point): Promise<number>;
  /** As `lossOf`. @returns [rows]; undefined if a prediction is invalid */
  rowLosses(point: Point): Promise<Float64Array | undefined>;
  has(point: Point): boolean;
  /** In the order in which they were measured. */
  all(): readonly Measured[];
  /** The lowest loss, measured first among equals. */
  best(): Measured;
  isSpent(): boolean;
}

/** Compositions that one call of a host composes. */
const PER_CALL = 64;

/** @returns undefined if the release has no loss */
export async function createMeasurements(
  { pipeline, screen, budget, signal }: Pick<SearchDeps, "pipeline" | "screen" | "budget" | "signal">,
  space: SearchSpace,
): Promise<Measurements | undefined> {
  const objectives = objectivesOf(pipeline);
  const limit = pipeline.verdict?.lossLimit;
  const release = space.names.map(() => 0);
  const measured = new Map<string, Measured>();

  async function unlimited(composition: Composition): Promise<Float64Array | undefined> {
    signal.throwIfAborted();
    try {
      return (await pipelineLoss(objectives, (component) => screen.losses.rowLosses(component, composition)))?.sum;
    } catch (thrown) {
      // Judging an announcement finds out which snapshot is at fault.
      if (thrown instanceof SnapshotFault) return undefined;
      throw thrown;
    }
  }

  const released = await unlimited(space.compositionAt(release));
  if (released === undefined) return undefined;
  const bound = limit === undefined ? undefined : lossBound(released, limit);

  async function rowLosses(point: Point): Promise<Float64Array | undefined> {
    const rows = await unlimited(space.compositionAt(point));
    const limited = rows === undefined || bound === undefined ? rows : limitLosses(rows, bound);
    const loss = limited === undefined ? Number.NaN : mean(limited);
    const hasLoss = Number.isFinite(loss);
    if (!measured.has(keyOf(point))) {
      const one = { point, loss: hasLoss ? loss : Number.POSITIVE_INFINITY };
      measured.set(keyOf(point), one);
      if (one.loss < best.loss) best = one;
    }
    return hasLoss ? limited : undefined;
  }

  let best: Measured = { point: release, loss: Number.POSITIVE_INFINITY };
  if ((await rowLosses(release)) === undefined) return undefined;
  const releaseLoss = best.loss;

  return {
    releaseLoss,
    rowLosses,
    async lossOf(point) {
      if (!measured.has(keyOf(point))) await rowLosses(point);
      return (measured.get(keyOf(point)) as Measured).loss;
    },
    async measure(points) {
      const unknown = new Map(points.map((point) => [keyOf(point), point]));
      for (const key of measured.keys()) unknown.delete(key);
      const affordable = [...unknown.values()].slice(0, Math.max(0, budget - measured.size));
      for (let from = 0; from < affordable.length; from += PER_CALL) {
        const together = affordable.slice(from, from + PER_CALL);
        const compositions = together.map((point) => space.compositionAt(point));
        for (const { component } of objectives) screen.losses.prepare(component, compositions);
        for (const point of together) await rowLosses(point);
      }
    },
    has: (point) => measured.has(keyOf(point)),
    all: () => [...measured.values()],
    best: () => best,
    isSpent: () => measured.size >= budget,
  };
}
