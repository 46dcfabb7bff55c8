import { mean } from "../common/statistics.ts";
import { compositionKey } from "../pipeline/composition-key.ts";
import { closureOf, componentNamed } from "../pipeline/dag.ts";
import type { Pipeline } from "../pipeline/pipeline.ts";
import type { Composition, MatrixCell, MaybeLoss, PipelineMatrix } from "../pipeline/verdict.ts";
import type { ComposedLosses } from "./composed-losses.ts";
import { SnapshotFault } from "./snapshot-fault.ts";

export interface MatrixDeps {
  readonly pipeline: Pipeline;
  readonly losses: Pick<ComposedLosses, "rowLosses">;
  /** The serials of a component that the matrix covers, ascending, without quarantined ones. */
  retained(component: string): readonly number[];
  /** The composition that all other components are fixed at, the same for all cells of one call. */
  current(): Promise<Composition>;
}

/** Pipeline losses of all pairs of retained snapshots along every edge that the objective depends on. */
export interface Matrix {
  /**
   * Measures missing cells and returns consistent matrices: the retained serials of one moment, with all other components
   * at the snapshots current at that moment. Concurrent calls share the work.
   */
  refresh(signal: AbortSignal): Promise<readonly PipelineMatrix[]>;
  /** Later calls of `refresh` start over, because what is current has changed. */
  invalidate(): void;
  /** Returns the snapshots in use and their pipeline loss, null if it cannot be measured. */
  current(): Promise<{ readonly composition: Composition; readonly loss: MaybeLoss }>;
}

/** Number of losses cached by the snapshots they depend on: far more than the matrices of any pipeline need. */
const LOSSES_KEPT = 50_000;

export function createMatrix(deps: MatrixDeps): Matrix {
  const { pipeline } = deps;
  const { objective } = pipeline;
  const needed = closureOf(pipeline, pipeline.objective);
  // Only the losses are cached here; the composer caches outputs.
  const measured = new Map<string, MaybeLoss>();
  let refreshing: Promise<readonly PipelineMatrix[]> | undefined;

  async function measure(composition: Composition): Promise<MaybeLoss> {
    try {
      const loss = mean(await deps.losses.rowLosses(objective, composition));
      return Number.isFinite(loss) ? loss : null;
    } catch (thrown) {
      // Judging an announcement finds out which snapshot is at fault; here the pair has no loss.
      if (thrown instanceof SnapshotFault) return null;
      throw thrown;
    }
  }

  /** Returns null if a component has no snapshot or the prediction is not finite. */
  async function lossOf(all: Composition): Promise<MaybeLoss> {
    const chosen: Record<string, number> = {};
    for (const name of needed) {
      const serial = all[name];
      if (serial === undefined) return null;
      chosen[name] = serial;
    }
    const key = compositionKey(objective, chosen);
    const known = measured.get(key);
    if (known !== undefined) return known;
    const loss = await measure(chosen);
    if (measured.size >= LOSSES_KEPT) measured.clear();
    measured.set(key, loss);
    return loss;
  }

  async function edge(
    upstream: string,
    downstream: string,
    current: Composition,
    retained: ReadonlyMap<string, readonly number[]>,
    signal: AbortSignal,
  ): Promise<PipelineMatrix> {
    const upstreamSerials = retained.get(upstream) ?? [];
    const downstreamSerials = retained.get(downstream) ?? [];
    const cells: MatrixCell[] = [];
    for (const upstreamSerial of upstreamSerials) {
      for (const downstreamSerial of downstreamSerials) {
        signal.throwIfAborted();
        const pair = { [upstream]: upstreamSerial, [downstream]: downstreamSerial };
        const loss = await lossOf({ ...current, ...pair });
        if (loss !== null) cells.push({ upstreamSerial, downstreamSerial, loss });
      }
    }
    return { upstream, downstream, upstreamSerials, downstreamSerials, cells };
  }

  async function measureAll(signal: AbortSignal): Promise<readonly PipelineMatrix[]> {
    const current = await deps.current();
    const retained = new Map(needed.map((name) => [name, deps.retained(name)]));
    const matrices: PipelineMatrix[] = [];
    for (const name of needed) {
      for (const upstream of componentNamed(pipeline, name).upstream) {
        matrices.push(await edge(upstream, name, current, retained, signal));
      }
    }
    return matrices;
  }

  return {
    refresh(signal) {
      if (refreshing !== undefined) return refreshing;
      const started: Promise<readonly PipelineMatrix[]> = measureAll(signal).finally(() => {
        if (refreshing === started) refreshing = undefined;
      });
      refreshing = started;
      return started;
    },
    invalidate() {
      refreshing = undefined;
    },
    async current() {
      const composition = await deps.current();
      return { composition, loss: await lossOf(composition) };
    },
  };
}
