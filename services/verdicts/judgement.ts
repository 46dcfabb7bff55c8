import { seedOf } from "../common/random-weights.ts";
import { mean } from "../common/statistics.ts";
import { closureOf, componentNamed, consumers } from "../pipeline/dag.ts";
import type { InterfaceShift } from "../pipeline/interface-shift.ts";
import { objectiveClosure, objectivesOf } from "../pipeline/objectives.ts";
import type { Pipeline } from "../pipeline/pipeline.ts";
import {
  CONFIDENCE_LEVEL,
  type Composition,
  type InconclusiveReason,
  type MaybeLoss,
  type PairedComparison,
  type SliceDifference,
  type Verdict,
} from "../pipeline/verdict.ts";
import { compareObjectives } from "./compare-objectives.ts";
import type { ComposedLosses, ReplacedOutput } from "./composed-losses.ts";
import { judge } from "./judge.ts";
import {
  compareFamily,
  FAMILY_METHOD,
  type FamilyComparison,
  type FamilyMember,
  familyMember,
} from "./paired/compare-family.ts";
import {
  type ComparisonSettings,
  compareLosses,
  finiteDifferences,
  type LossComparison,
} from "./paired/compare-losses.ts";
import { compareSlices, type SliceColumn, type SliceComparison } from "./paired/compare-slices.ts";
import { measureHarm, negativeFlips } from "./paired/harm.ts";
import { limitLosses, lossBound } from "./paired/loss-limit.ts";
import type { Interval } from "./paired/paired-interval.ts";
import type { Grouping } from "./paired/sample.ts";
import type { DrawShared } from "./paired/shared-weights.ts";
import { pipelineLoss } from "./pipeline-loss.ts";
import { testAdapter } from "./shift/adapter-test.ts";
import { measureShift } from "./shift/interface-shift.ts";
import { SnapshotFault } from "./snapshot-fault.ts";

/** The outcome of judging a snapshot. The caller adds who judged it and when. */
export interface Judgement
  extends Pick<Verdict, "kind" | "componentLoss" | "comparison" | "alternatives" | "consistency" | "tests"> {
  readonly reason?: NonNullable<Verdict["reason"]>;
  readonly interfaceShift?: InterfaceShift;
  readonly componentInterval: Interval | null;
  /** Pipeline loss of the candidate composition, even if there is nothing to compare it with. */
  readonly candidateLoss: MaybeLoss;
}

/** How the evaluation rows belong together. */
export interface RowStructure {
  /** None if rows are independent; else as in `ComparisonSettings`. */
  readonly groupings: readonly Grouping[];
  readonly slices: readonly SliceColumn[];
}

export interface JudgementDeps {
  readonly pipeline: Pipeline;
  readonly losses: ComposedLosses;
  readonly structure: RowStructure;
  /** For one judgement at a time. */
  readonly drawShared: DrawShared;
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
  const { groupings, slices } = deps.structure;
  const settings: ComparisonSettings = {
    groupings,
    level: CONFIDENCE_LEVEL,
    minimumEffect: pipeline.verdict?.minimumEffect ?? 0,
    seed: seedOf(pipeline.name, name, serial),
    drawShared: deps.drawShared,
  };
  await losses.check(name, serial);

  const objectives = objectivesOf(pipeline);
  const needed = objectiveClosure(pipeline);
  const updated = { ...current, [name]: serial };
  const isComplete = needed.every((other) => updated[other] !== undefined);
  /** Under another snapshot of a direct consumer: without the update, and with it. */
  const others = consumers(pipeline.components, name)
    .filter((consumer) => needed.includes(consumer.name))
    .flatMap(({ name: consumer }) =>
      deps.alternatives(consumer).flatMap((other) => {
        const swap = { [consumer]: other };
        return other === current[consumer]
          ? []
          : [
              [
                { ...current, ...swap },
                { ...updated, ...swap },
              ] as const,
            ];
      }),
    );

  /** Returns what is composed; undefined if predictions are invalid there and no snapshot is to blame. */
  async function composed<T>(compose: () => Promise<T>): Promise<T | undefined> {
    deps.signal.throwIfAborted();
    try {
      return await compose();
    } catch (thrown) {
      if (!(thrown instanceof SnapshotFault) || isBlamed(thrown)) throw thrown;
      return undefined;
    }
  }

  /** Returns the row losses of a component under a composition; undefined if its predictions are invalid there. */
  const lossesOf = (component: string, composition: Composition, replaced?: ReplacedOutput) =>
    composed(() => losses.rowLosses(component, composition, replaced));

  function isBlamed(fault: SnapshotFault): boolean {
    if (fault.inputs === undefined) return true;
    if (fault.component === name && fault.serial === serial) return true;
    return fault.inputs[name] !== serial && !deps.proven(fault.component, fault.serial);
  }

  /** @returns the component's own loss; `paired` only if there is something to compare */
  async function ownLoss(): Promise<{ componentLoss: Judgement["componentLoss"]; paired?: LossComparison }> {
    const upstream = closureOf(pipeline, name).filter((other) => other !== name);
    if (upstream.some((other) => current[other] === undefined)) {
      return { componentLoss: { current: null, candidate: null } };
    }
    const candidate = await lossesOf(name, { ...current, [name]: serial });
    const present = current[name] === undefined ? undefined : await lossesOf(name, current);
    // The host composes while this process resamples.
    if (isComplete && current[name] !== undefined) {
      for (const { component } of objectives) losses.prepare(component, [current, updated, ...others.flat()]);
    }
    const paired = candidate && present && (await compareLosses(present, candidate, settings));
    const componentLoss = { current: lossOf(present), candidate: lossOf(candidate) };
    return { componentLoss, ...(paired !== undefined && { paired }) };
  }

  const restrict = (composition: Composition): Composition =>
    Object.fromEntries(needed.map((other) => [other, composition[other] as number]));

  /** Applies the pipeline file's loss limit. @param present losses of the composition that sets a limit by quantile */
  function limited(present: Float64Array, candidate: Float64Array) {
    const limit = pipeline.verdict?.lossLimit;
    if (limit === undefined) return { losses: [present, candidate] as const };
    const bound = lossBound(present, limit);
    return { losses: [limitLosses(present, bound), limitLosses(candidate, bound)] as const, bound };
  }

  /** The pipeline loss of every row; undefined if a prediction is invalid. */
  const lossUnder = (composition: Composition, replaced?: ReplacedOutput) =>
    pipelineLoss(objectives, (component) => lossesOf(component, composition, replaced));

  /** @param replaced an output that consumers read in the composition `to` */
  async function measure(from: Composition, to: Composition, replaced?: ReplacedOutput) {
    const present = await lossUnder(from);
    const candidate = await lossUnder(to, replaced);
    if (present === undefined || candidate === undefined) return undefined;
    const { losses: compared, bound } = limited(present.sum, candidate.sum);
    return { from, to, present, candidate, compared, bound, candidateLoss: mean(compared[1]) };
  }

  type Measured = NonNullable<Awaited<ReturnType<typeof measure>>>;

  /** A comparison as verdicts record it. */
  function recorded(
    { from, to, candidateLoss, bound }: Omit<Measured, "present" | "candidate" | "compared">,
    { relative: _, units: __, kind, currentLoss, ...numbers }: LossComparison,
  ): PairedComparison {
    return {
      current: restrict(from),
      candidate: restrict(to),
      currentLoss,
      candidateLoss,
      ...(bound !== undefined && { bound }),
      ...numbers,
      kind: judge(kind, paired?.kind),
    };
  }

  async function flipsOf(component: string, from: Composition, to: Composition) {
    const wrongBefore = await losses.rowErrors(component, from);
    const wrongNow = await losses.rowErrors(component, to);
    return wrongBefore && wrongNow && negativeFlips(wrongBefore, wrongNow, settings);
  }

  /** What the mean of the pipeline loss does not show: harm, flips, objectives and slices. */
  async function beyondMean({ from, to, present, candidate, compared }: Measured): Promise<Partial<PairedComparison>> {
    const differences = finiteDifferences(present.sum, candidate.sum);
    const flips = [];
    for (const { component } of objectives) flips.push(await flipsOf(component, from, to));
    const ofSlices = await compareSlices(...compared, slices, settings);
    return {
      ...(differences !== undefined && { harm: measureHarm(differences) }),
      ...(objectives.length > 1
        ? { objectives: await compareObjectives(objectives, present, candidate, flips, settings) }
        : flips[0] !== undefined && { negativeFlips: flips[0] }),
      ...(slices.length > 0 && { slices: ofSlices.slices.map(documented) }),
      ...(ofSlices.worst !== undefined && { worstSlice: documented(ofSlices.worst) }),
    };
  }

  /** The update under other snapshots of direct consumers. Their kinds hold together. */
  async function underAlternatives(): Promise<readonly PairedComparison[]> {
    // The rows of one alternative at a time: only moments are kept.
    const found: (Parameters<typeof recorded>[0] & { readonly member: FamilyMember })[] = [];
    for (const alternative of others) {
      const measured = await measure(...alternative);
      if (measured === undefined) continue;
      const { present: _, candidate: __, compared, ...pair } = measured;
      const member = await familyMember(...compared, settings);
      if (member !== undefined) found.push({ ...pair, member });
    }
    const comparisons = compareFamily(
      found.map(({ member }) => member),
      settings,
    );
    return found.map((pair, i) => ({
      ...recorded(pair, comparisons[i] as FamilyComparison),
      method: FAMILY_METHOD,
    }));
  }

  /** How the output that others read has changed. @param harm the pipeline losses, if they were compared */
  async function interfaceShift(harm?: PairedComparison): Promise<{ interfaceShift?: InterfaceShift }> {
    const isRead = consumers(pipeline.components, name).length > 0;
    if (!isRead || closureOf(pipeline, name).some((other) => current[other] === undefined)) return {};
    const present = await composed(() => losses.output(name, current));
    const candidate = await composed(() => losses.output(name, updated));
    if (present === undefined || candidate === undefined) return {};
    const shift = await measureShift(present, candidate, componentNamed(pipeline, name).output.width);
    const adapter = await testAdapter(harm, {
      pipeline,
      component: name,
      current: present,
      candidate,
      groupings,
      async compare(values, reading) {
        const measured = await measure(current, updated, { component: name, consumers: reading, values });
        const compared = measured && (await compareLosses(...measured.compared, settings));
        return measured && compared && recorded(measured, compared);
      },
    });
    return { interfaceShift: { ...shift, ...adapter } };
  }

  const { componentLoss, paired } = await ownLoss();
  const own = { componentLoss, componentInterval: paired?.interval ?? null };
  const inconclusive = async (reason: InconclusiveReason, candidateLoss: MaybeLoss): Promise<Judgement> => ({
    ...own,
    ...(await interfaceShift()),
    kind: "inconclusive",
    reason,
    comparison: null,
    alternatives: [],
    candidateLoss,
  });

  if (!isComplete) return inconclusive("incomplete-pipeline", null);
  if (current[name] === undefined) {
    return inconclusive("no-current-snapshot", lossOf((await lossUnder(updated))?.sum));
  }
  const measured = await measure(current, updated);
  const compared = measured && (await compareLosses(...measured.compared, settings));
  if (measured === undefined || compared === undefined) return inconclusive("not-finite", null);
  const comparison = { ...recorded(measured, compared), ...(await beyondMean(measured)) };
  const { kind, reason, candidateLoss } = comparison;
  const alternatives = await underAlternatives();
  return {
    ...own,
    kind,
    ...(reason !== undefined && { reason }),
    comparison,
    alternatives,
    ...(await interfaceShift(comparison)),
    candidateLoss,
  };
}

/** The part of a slice's comparison that verdicts record. */
function documented({
  column,
  value,
  rows,
  kind,
  reason,
  difference,
  relative,
  interval,
  level,
}: SliceComparison): SliceDifference {
  return { column, value, rows, kind, ...(reason !== undefined && { reason }), difference, relative, interval, level };
}

/** Returns the mean, or null if there are no losses or it is not finite: JSON and metrics allow only numbers. */
function lossOf(losses: Float64Array | undefined): MaybeLoss {
  if (losses === undefined) return null;
  const loss = mean(losses);
  return Number.isFinite(loss) ? loss : null;
}
