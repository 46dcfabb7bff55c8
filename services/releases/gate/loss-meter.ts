import { compositionKey } from "../../pipeline/composition-key.ts";
import { closureOf } from "../../pipeline/dag.ts";
import { objectiveClosure, objectivesOf } from "../../pipeline/objectives.ts";
import type { Pipeline } from "../../pipeline/pipeline.ts";
import type { Composition } from "../../pipeline/verdict.ts";
import { limitLosses, lossBound } from "../../verdicts/paired/loss-limit.ts";
import type { Grouping } from "../../verdicts/paired/sample.ts";
import { pipelineLoss } from "../../verdicts/pipeline-loss.ts";
import { SnapshotFault } from "../../verdicts/snapshot-fault.ts";
import type { GateRows } from "../gate-rows.ts";

/** The losses of two compositions on the same rows. */
export interface LossPair {
  /** [rows]: of the release, or of the one that is taken as the reference. */
  readonly reference: Float64Array;
  /** [rows] */
  readonly candidate: Float64Array;
  readonly groupings: readonly Grouping[];
}

/**
 * Measures pairs of compositions on one part of the held-out rows. The pipeline file's loss limit applies to pipeline
 * losses. A pair is undefined if a composition is incomplete, or a prediction is invalid in it.
 */
export interface LossMeter {
  /** Pipeline losses. */
  composed(reference: Composition, candidate: Composition): Promise<LossPair | undefined>;
  /**
   * Pipeline losses with annotated upstream outputs in place of predictions, for the components that move; those of
   * `composed`, on all rows, if none of them reads an annotated output.
   */
  audited(reference: Composition, candidate: Composition, moved: readonly string[]): Promise<LossPair | undefined>;
  /** A component's own losses, without the loss limit. */
  own(component: string, reference: Composition, candidate: Composition): Promise<LossPair | undefined>;
}

/** @throws SnapshotFault for a snapshot whose fault does not depend on what it reads */
export function createLossMeter(pipeline: Pipeline, rows: GateRows, signal: AbortSignal): LossMeter {
  const objectives = objectivesOf(pipeline);
  const closure = objectiveClosure(pipeline);
  const { losses, structure, audited } = rows;
  const known = new Map<string, Promise<Float64Array | undefined>>();

  /** Measures each composition once, restricted to what the loss depends on. */
  function once(
    what: string,
    needed: readonly string[],
    composition: Composition,
    measure: (restricted: Composition) => Promise<Float64Array | undefined>,
  ): Promise<Float64Array | undefined> {
    if (!hasAll(composition, needed)) return Promise.resolve(undefined);
    const restricted = Object.fromEntries(needed.map((name) => [name, composition[name] as number]));
    const key = compositionKey(what, restricted);
    const found = known.get(key) ?? validOnly(() => measure(restricted), signal);
    known.set(key, found);
    return found;
  }

  const pipelineLosses = (composition: Composition) =>
    once("composed", closure, composition, async (restricted) => {
      const loss = await pipelineLoss(objectives, (component) => losses.rowLosses(component, restricted));
      return loss?.sum;
    });

  const auditedLosses = (composition: Composition, moved: readonly string[]) =>
    once(`audited ${moved}`, closure, composition, async (restricted) => audited?.rowLosses(restricted, moved));

  function limited(reference: Float64Array, candidate: Float64Array): Omit<LossPair, "groupings"> {
    const limit = pipeline.verdict?.lossLimit;
    if (limit === undefined || reference.length === 0) return { reference, candidate };
    const bound = lossBound(reference, limit);
    return { reference: limitLosses(reference, bound), candidate: limitLosses(candidate, bound) };
  }

  const meter: LossMeter = {
    async composed(reference, candidate) {
      const complete = [reference, candidate].filter((composition) => hasAll(composition, closure));
      for (const { component } of objectives) losses.prepare(component, complete);
      const [before, after] = [await pipelineLosses(reference), await pipelineLosses(candidate)];
      return before && after && { ...limited(before, after), groupings: structure.groupings };
    },
    async audited(reference, candidate, moved) {
      if (audited === undefined) return meter.composed(reference, candidate);
      const [before, after] = [await auditedLosses(reference, moved), await auditedLosses(candidate, moved)];
      if (before === undefined || after === undefined) return undefined;
      const asComposed = [await auditedLosses(reference, []), await auditedLosses(candidate, [])] as const;
      if (areEqual(before, asComposed[0]) && areEqual(after, asComposed[1]))
        return meter.composed(reference, candidate);
      return { ...limited(before, after), groupings: audited.structure.groupings };
    },
    async own(component, reference, candidate) {
      const needed = closureOf(pipeline, component);
      const ownLosses = (composition: Composition) =>
        once(component, needed, composition, (restricted) => losses.rowLosses(component, restricted));
      const [before, after] = [await ownLosses(reference), await ownLosses(candidate)];
      return before && after && { reference: before, candidate: after, groupings: structure.groupings };
    },
  };
  return meter;
}

function hasAll(composition: Composition, components: readonly string[]): boolean {
  return components.every((name) => composition[name] !== undefined);
}

/** Undefined if a prediction is invalid because of the composition: then no snapshot is to blame. */
async function validOnly(
  measure: () => Promise<Float64Array | undefined>,
  signal: AbortSignal,
): Promise<Float64Array | undefined> {
  signal.throwIfAborted();
  try {
    return await measure();
  } catch (thrown) {
    if (thrown instanceof SnapshotFault && thrown.inputs !== undefined) return undefined;
    throw thrown;
  }
}

function areEqual(a: Float64Array, b: Float64Array | undefined): boolean {
  return a.length === b?.length && a.every((value, row) => value === b[row]);
}
