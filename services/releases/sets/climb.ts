import { yieldToEventLoop } from "../../common/async/yield.ts";
import { createRandomBits, nextBits } from "../../common/random-weights.ts";
import { fitLossModel } from "./loss-model.ts";
import type { Measurements } from "./measurements.ts";
import { blocksOf, eachNeighbor, neighborsOf } from "./neighbors.ts";
import { keyOf, type Point, type SearchSpace } from "./search-space.ts";

/** Points that are measured together, between two fits of the model. */
const BATCH = 32;
/** So many batches in a row without a better composition end the climb. */
const PATIENCE = 4;
/** The model is descended from the starts, from so many of the best points measured, and from so many random ones. */
const BEST = 5;
const RANDOM = 16;

/**
 * Climbs from the starts to a composition that neither another snapshot of one component nor others at both ends of an edge
 * improve. Most steps are taken on a model of the loss, which costs nothing to ask: what it finds best is measured, the
 * model is fitted again, and so on until it finds nothing better. Then everything around the best is measured.
 */
export async function climb(
  starts: readonly Point[],
  { names, choices, edges }: SearchSpace,
  measurements: Measurements,
): Promise<void> {
  const blocks = blocksOf({ names, edges });
  const around = (point: Point) => neighborsOf(point, blocks, choices);

  // Equal searches draw equal points.
  const random = createRandomBits(0);
  const drawPoint = (): Point => choices.map(({ length }) => (nextBits(random) >>> 0) % length);

  /** The unmeasured points that the model likes best, among those that it meets when it is descended. */
  async function proposals(): Promise<readonly Point[]> {
    const measured = measurements.all().filter(({ loss }) => Number.isFinite(loss));
    const model = fitLossModel(blocks, choices, measured);
    const best = measured.toSorted((a, b) => a.loss - b.loss).slice(0, BEST);
    const found = createShortlist(BATCH);
    const drawn = Array.from({ length: RANDOM }, drawPoint);
    for (const start of [...starts, ...best.map(({ point }) => point), ...drawn]) {
      await yieldToEventLoop();
      let at = start;
      let lowest = model.predict(at);
      for (let isLower = true; isLower; ) {
        isLower = false;
        const [from, before] = [at, lowest];
        eachNeighbor(from, blocks, choices, (point, block) => {
          const loss = before + model.change(from, point, block);
          if (found.takes(loss) && !measurements.has(point)) found.add([...point], loss);
          if (loss < lowest) {
            [at, lowest] = [[...point], loss];
            isLower = true;
          }
        });
      }
    }
    return found.points();
  }

  async function isImprovedBy(points: readonly Point[]): Promise<boolean> {
    const before = measurements.best().loss;
    await measurements.measure(points);
    return measurements.best().loss < before;
  }

  await measurements.measure(starts);
  // So that the model has heard of every snapshot, and of every pair along an edge.
  await measurements.measure(around(starts[0] as Point));
  do {
    for (let failures = 0; failures < PATIENCE && !measurements.isSpent(); ) {
      const points = await proposals();
      if (points.length === 0) break;
      failures = (await isImprovedBy(points)) ? 0 : failures + 1;
    }
  } while (await isImprovedBy(around(measurements.best().point)));
}

/** The points with the lowest numbers, each once. */
function createShortlist(size: number) {
  const keys = new Set<string>();
  /** Ascending. */
  const list: { readonly point: Point; readonly key: string; readonly loss: number }[] = [];
  return {
    takes: (loss: number) => list.length < size || loss < (list.at(-1)?.loss as number),
    add(point: Point, loss: number) {
      const key = keyOf(point);
      if (keys.has(key)) return;
      keys.add(key);
      const after = list.findIndex((other) => other.loss > loss);
      list.splice(after === -1 ? list.length : after, 0, { point, key, loss });
      if (list.length > size) keys.delete(list.pop()?.key as string);
    },
    points: () => list.map(({ point }) => point),
  };
}
