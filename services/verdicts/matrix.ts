import { mean } from "../common/statistics.ts";
import { compositionKey } from "../pipeline/composition-key.ts";
import { componentNamed } from "../pipeline/dag.ts";
import { objectiveClosure, objectivesOf } from "../pipeline/objectives.ts";
import type { Pipeline } from "../pipeline/pipeline.ts";
import {
  CONFIDENCE_LEVEL,
  type Composition,
  type MatrixCell,
  type MaybeLoss,
  type PipelineMatrix,
} from "../pipeline/verdict.ts";
import { compareCells } from "./compare-cells.ts";
import type { ComposedLosses } from "./composed-losses.ts";
import type { Grouping } from "./paired/sample.ts";
import { pipelineLoss } from "./pipeline-loss.ts";
import { SnapshotFault } from "./snapshot-fault.ts";

export interface MatrixDeps {
  readonly pipeline: Pipeline;
  readonly losses: Pick<ComposedLosses, "rowLosses">;
  /** As `RowStructure.groupings`. */
  readonly groupings: readonly Grouping[];
  /** The serials of a component that the matrix covers beside the one in use, without quarantined ones. */
  retained(component: string): readonly number[];
  /** The composition that all other components are fixed at, the same for all cells of one call. */
  current(): Promise<Composition>;
}

/** Pipeline losses of all pairs of retained snapshots along every edge that an objective depends on. */
export interface Matrix {
  /**
   * Measures missing cells and returns consistent matrices: the retained serials of one moment, with all other components
   * at the snapshots current at that moment. Concurrent calls share the work.
   */
  refresh(signal: AbortSignal): Promise<readonly PipelineMatrix[]>;
  /** As `refresh`, with the paired difference of every cell to the pair in use. */
  withIntervals(signal: AbortSignal): Promise<readonly PipelineMatrix[]>;
  /** Later calls start over, because what is current has changed. */
  invalidate(): void;
  /** Returns the snapshots in use and their pipeline loss, null if it cannot be measured. */
  current(): Promise<{ readonly composition: Composition; readonly loss: MaybeLoss }>;
}

/** Number of losses cached by the snapshots they depend on: far more than the matrices of any pipeline need. */
const LOSSES_KEPT = 50_000;

export function createMatrix(deps: MatrixDeps): Matrix {
  const { pipeline } = deps;
  const objectives = objectivesOf(pipeline);
  const needed = objectiveClosure(pipeline);
  // Only the losses are cached here; the composer caches outputs.
  const measured = new Map<string, MaybeLoss>();

  /** The part of a composition that its pipeline loss depends on; undefined if a component has no snapshot. */
  function chosenOf(all: Composition): Composition | undefined {
    const chosen: Record<string, number> = {};
    for (const name of needed) {
      const serial = all[name];
      if (serial === undefined) return undefined;
      chosen[name] = serial;
    }
    return chosen;
  }

  /** @returns the pipeline loss of every row, [rows]; undefined if it cannot be measured */
  async function rowLosses(composition: Composition): Promise<Float64Array | undefined> {
    try {
      return (await pipelineLoss(objectives, (component) => deps.losses.rowLosses(component, composition)))?.sum;
    } catch (thrown) {
      // Judging an announcement finds out which snapshot is at fault; here the pair has no loss.
      if (thrown instanceof SnapshotFault) return undefined;
      throw thrown;
    }
  }

  /** Returns null if a component has no snapshot or the prediction is not finite. */
  async function lossOf(all: Composition): Promise<MaybeLoss> {
    const chosen = chosenOf(all);
    if (chosen === undefined) return null;
    const key = compositionKey(pipeline.name, chosen);
    const known = measured.get(key);
    if (known !== undefined) return known;
    const losses = await rowLosses(chosen);
    const average = losses === undefined ? Number.NaN : mean(losses);
    const loss = Number.isFinite(average) ? average : null;
    if (measured.size >= LOSSES_KEPT) measured.clear();
    measured.set(key, loss);
    return loss;
  }

  async function edge(
    upstream: string,
    downstream: string,
    current: Composition,
    serials: ReadonlyMap<string, readonly number[]>,
    signal: AbortSignal,
  ): Promise<PipelineMatrix> {
    const upstreamSerials = serials.get(upstream) ?? [];
    const downstreamSerials = serials.get(downstream) ?? [];
    const cells: MatrixCell[] = [];
    for (const upstreamSerial of upstreamSerials) {
      for (const downstreamSerial of downstreamSerials) {
        signal.throwIfAborted();
        const pair = { [upstream]: upstreamSerial, [downstream]: downstreamSerial };
        const loss = await lossOf({ ...current, ...pair });
        if (loss !== null) cells.push({ upstreamSerial, downstreamSerial, loss });
      }
    }
    const [up, down] = [current[upstream], current[downstream]];
    return {
      upstream,
      downstream,
      upstreamSerials,
      downstreamSerials,
      cells,
      ...(up !== undefined && down !== undefined && { current: { upstreamSerial: up, downstreamSerial: down } }),
    };
  }

  const all = shared(async (signal) => {
    const current = await deps.current();
    const serials = new Map(needed.map((name) => [name, withCurrent(deps.retained(name), current[name])]));
    const matrices: PipelineMatrix[] = [];
    for (const name of needed) {
      for (const upstream of componentNamed(pipeline, name).upstream) {
        matrices.push(await edge(upstream, name, current, serials, signal));
      }
    }
    return { current, matrices };
  });

  const intervals = shared(async (signal) => {
    const { current, matrices } = await all.get(signal);
    const settings = {
      groupings: deps.groupings,
      level: CONFIDENCE_LEVEL,
      minimumEffect: pipeline.verdict?.minimumEffect ?? 0,
    };
    return compareCells(matrices, current, { chosenOf, rowLosses, settings, signal });
  });

  return {
    refresh: async (signal) => (await all.get(signal)).matrices,
    withIntervals: intervals.get,
    invalidate() {
      all.reset();
      intervals.reset();
    },
    async current() {
      const composition = await deps.current();
      return { composition, loss: await lossOf(composition) };
    },
  };
}

/** Work whose concurrent callers share it, until it is done or reset. */
function shared<T>(work: (signal: AbortSignal) => Promise<T>) {
  let running: Promise<T> | undefined;
  return {
    get(signal: AbortSignal): Promise<T> {
      if (running !== undefined) return running;
      const started: Promise<T> = work(signal).finally(() => {
        if (running === started) running = undefined;
      });
      running = started;
      return started;
    },
    reset() {
      running = undefined;
    },
  };
}

/** The serials with the one in use, which may be older than all others. @returns ascending */
function withCurrent(retained: readonly number[], current: number | undefined): readonly number[] {
  if (current === undefined || retained.includes(current)) return retained;
  return [...retained, current].sort((a, b) => a - b);
}
