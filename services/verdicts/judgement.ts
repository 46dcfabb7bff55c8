import { mean } from "../common/statistics.ts";
import { closureOf, consumers } from "../pipeline/dag.ts";
import type { Pipeline } from "../pipeline/pipeline.ts";
import type { Composition, InconclusiveReason, MaybeLoss, PairedComparison, Verdict } from "../pipeline/verdict.ts";
import { type Interval, pairedBootstrap, seedOf } from "./bootstrap.ts";
import type { ComposedLosses } from "./composed-losses.ts";
import { judge } from "./judge.ts";
import { SnapshotFault } from "./snapshot-fault.ts";

/** The outcome of judging a snapshot. The caller adds who judged it and when. */
export interface Judgement extends Pick<Verdict, "kind" | "componentLoss" | "comparison" | "alternatives"> {
  readonly reason?: InconclusiveReason;
  readonly componentInterval: Interval | null;
  /** Pipeline loss of the candidate composition, even if there is nothing to compare it with. */
  readonly candidateLoss: MaybeLoss;
}

export interface JudgementDeps {
  readonly pipeline: Pipeline;
  readonly losses: ComposedLosses;
  /** The composition in use just before the announcement. */
  readonly current: Composition;
  /** Serials of a component, other than the current one, under which the update is also judged. */
  alternatives(component: string): readonly number[];
  /** Whether a snapshot has produced valid predictions before, so that invalid ones are blamed on its inputs. */
  proven(component: string, serial: number): boolean;
  readonly signal: AbortSignal;
}

/**
 * Judges one announced snapshot on the held-out rows. Measures the component's own loss, if its inputs can be composed,
 * and the paired difference in pipeline loss between the candidate composition (the snapshot with everything else
 * current) and the current one.
 *
 * @throws SnapshotFault for a snapshot that must be quarantined first: the announced one, or one that judging it needs.
 *   If another component's predictions are invalid only in combination with the candidate, neither is at fault and the
 *   verdict is inconclusive.
 */
export async function judgeSnapshot(
  snapshot: { readonly component: string; readonly serial: number },
  deps: JudgementDeps,
): Promise<Judgement> {
  const { pipeline, losses, current } = deps;
  const { component: name, serial } = snapshot;
  const seed = seedOf(pipeline.name, name, serial);
  await losses.check(name, serial);

  /** Returns the row losses of a component under a composition; undefined if its predictions are invalid there. */
  async function lossesOf(component: string, composition: Composition): Promise<Float64Array | undefined> {
    deps.signal.throwIfAborted();
    try {
      return await losses.rowLosses(component, composition);
    } catch (thrown) {
      if (!(thrown instanceof SnapshotFault) || isBlamed(thrown)) throw thrown;
      return undefined;
    }
  }

  function isBlamed(fault: SnapshotFault): boolean {
    if (fault.inputs === undefined) return true;
    if (fault.component === name && fault.serial === serial) return true;
    return fault.inputs[name] !== serial && !deps.proven(fault.component, fault.serial);
  }

  async function ownLoss(): Promise<Pick<Judgement, "componentLoss" | "componentInterval">> {
    const upstream = closureOf(pipeline, name).filter((other) => other !== name);
    if (upstream.some((other) => current[other] === undefined)) {
      return { componentLoss: { current: null, candidate: null }, componentInterval: null };
    }
    const candidate = await lossesOf(name, { ...current, [name]: serial });
    const present = current[name] === undefined ? undefined : await lossesOf(name, current);
    const paired = candidate && present && (await pairedBootstrap(present, candidate, seed));
    return {
      componentLoss: { current: lossOf(present), candidate: lossOf(candidate) },
      componentInterval: paired?.interval ?? null,
    };
  }

  const needed = closureOf(pipeline, pipeline.objective);
  const restrict = (composition: Composition): Composition =>
    Object.fromEntries(needed.map((other) => [other, composition[other] as number]));

  async function compare(
    from: Composition,
    to: Composition,
    own: Interval | null,
  ): Promise<PairedComparison | undefined> {
    const present = await lossesOf(pipeline.objective, from);
    const candidate = await lossesOf(pipeline.objective, to);
    if (present === undefined || candidate === undefined) return undefined;
    const paired = await pairedBootstrap(present, candidate, seed);
    if (paired === undefined) return undefined;
    return {
      current: restrict(from),
      candidate: restrict(to),
      currentLoss: mean(present),
      candidateLoss: mean(candidate),
      ...paired,
      kind: judge(paired.interval, own),
    };
  }

  const own = await ownLoss();
  const inconclusive = (reason: InconclusiveReason, candidateLoss: MaybeLoss): Judgement => ({
    ...own,
    kind: "inconclusive",
    reason,
    comparison: null,
    alternatives: [],
    candidateLoss,
  });

  const updated = { ...current, [name]: serial };
  if (needed.some((other) => updated[other] === undefined)) return inconclusive("incomplete-pipeline", null);
  if (current[name] === undefined) {
    return inconclusive("no-current-snapshot", lossOf(await lossesOf(pipeline.objective, updated)));
  }
  const comparison = await compare(current, updated, own.componentInterval);
  if (comparison === undefined) return inconclusive("not-finite", null);

  const alternatives: PairedComparison[] = [];
  for (const consumer of consumers(pipeline.components, name)) {
    if (!needed.includes(consumer.name)) continue;
    for (const other of deps.alternatives(consumer.name)) {
      if (other === current[consumer.name]) continue;
      const swap = { [consumer.name]: other };
      const alternative = await compare({ ...current, ...swap }, { ...updated, ...swap }, own.componentInterval);
      if (alternative !== undefined) alternatives.push(alternative);
    }
  }
  return { ...own, kind: comparison.kind, comparison, alternatives, candidateLoss: comparison.candidateLoss };
}

/** Returns the mean, or null if there are no losses or it is not finite: JSON and metrics allow only numbers. */
function lossOf(losses: Float64Array | undefined): MaybeLoss {
  if (losses === undefined) return null;
  const loss = mean(losses);
  return Number.isFinite(loss) ? loss : null;
}
