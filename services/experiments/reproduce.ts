import { inParallel } from "../common/async/in-parallel.ts";
import type { Engine } from "../engine/interface/engine.ts";
import type { UpdateDiagnosis } from "../learning/diagnosis/diagnose-update.ts";
import { clicksOf } from "./beyond/clicks.ts";
import { type Dag, type DagSeed, dag, dagOf } from "./beyond/dag.ts";
import { type Estimators, type EstimatorsSeed, estimators, estimatorsOf } from "./beyond/estimators.ts";
import { type Gap, type GapTrial, gap, gapOf } from "./beyond/gap.ts";
import { type Gate, type GateSeed, gate, gateOf, TICKS } from "./beyond/gate.ts";
import { type Policy, type PolicyRegret, policy, policyOf } from "./beyond/policy.ts";
import { type DiagnosedUpdates, diagnosedUpdates, diagnosesOf } from "./beyond/self-defeating.ts";
import { type Support, type SupportLoss, support, supportOf } from "./beyond/support.ts";
import { type Figure1, figure1 } from "./paper/figure1.ts";
import { type Figure3, type Figure3Seed, figure3, figure3Of } from "./paper/figure3.ts";
import { type Table1, type Table1Seed, table1, table1Of } from "./paper/table1.ts";
import { type Table2, type Table2Seed, table2, table2Of } from "./paper/table2.ts";
import { openTwoStage, type Sizes } from "./paper/two-stage.ts";

/** The tables and figures of the paper, which `all` runs. */
export const PAPER_EXPERIMENTS = ["figure1", "table1", "table2", "figure3"] as const;
/** Experiments beyond the paper. */
export const FURTHER_EXPERIMENTS = ["dag", "estimators", "support", "policy", "diagnosis", "gap", "gate"] as const;
export type ExperimentName = (typeof PAPER_EXPERIMENTS)[number] | (typeof FURTHER_EXPERIMENTS)[number];

/** The experiments that share the paper's pipeline and its trained M1s. */
const TWO_STAGE_EXPERIMENTS: readonly ExperimentName[] = [
  "table1",
  "table2",
  "figure3",
  "estimators",
  "support",
  "gap",
];

export interface ReproduceOptions {
  readonly experiments: readonly ExperimentName[];
  readonly seeds: readonly number[];
  /** Number of seeds to run concurrently. Does not affect the results. */
  readonly jobs: number;
  readonly sizes: Sizes;
  /** Coefficients of Figure 1's z = a x1^2 + b x1. */
  readonly a: number;
  readonly b: number;
  readonly engine: Engine;
  readonly signal?: AbortSignal;
  /** Called with the work done and in total, in seeds (Figure 1 counts as one). */
  onProgress?(done: number, total: number): void;
}

export interface Reproduction {
  readonly figure1?: Figure1;
  readonly table1?: Table1;
  readonly table2?: Table2;
  readonly figure3?: Figure3;
  readonly dag?: Dag;
  readonly estimators?: Estimators;
  readonly support?: Support;
  readonly policy?: Policy;
  readonly diagnosis?: DiagnosedUpdates;
  readonly gap?: Gap;
  readonly gate?: Gate;
}

interface SeedResult {
  readonly table1?: Table1Seed;
  readonly table2?: Table2Seed;
  readonly figure3?: Figure3Seed;
  readonly dag?: DagSeed;
  readonly estimators?: EstimatorsSeed;
  readonly support?: readonly SupportLoss[];
  readonly policy?: readonly PolicyRegret[];
  readonly diagnosis?: readonly UpdateDiagnosis[];
  readonly gap?: readonly GapTrial[];
  readonly gate?: GateSeed;
}

/**
 * Runs experiments. The same seeds give the same numbers, bit for bit, for any `jobs`.
 *
 * @throws UncoupleError `invalid-argument` for an invalid `jobs`; the reason of the signal once it is aborted
 */
export async function reproduce(options: ReproduceOptions): Promise<Reproduction> {
  const { experiments, seeds, sizes, engine } = options;
  const wants = (name: ExperimentName) => experiments.includes(name);
  const perSeed = experiments.some((name) => name !== "figure1") ? seeds : [];
  const total = perSeed.length + (wants("figure1") ? 1 : 0);
  let done = 0;
  options.onProgress?.(0, total);
  let first: Figure1 | undefined;
  const results: SeedResult[] = [];
  const ofFigure1 = async () => {
    first = await figure1(options.a, options.b, seeds[0] ?? 0, engine);
  };
  const ofSeed = (seed: number, index: number) => async () => {
    results[index] = await runSeed(seed, wants, options);
  };
  await inParallel([...(wants("figure1") ? [ofFigure1] : []), ...perSeed.map(ofSeed)], options.jobs, async (work) => {
    options.signal?.throwIfAborted();
    await work();
    done += 1;
    options.onProgress?.(done, total);
  });

  const parts = <K extends keyof SeedResult>(key: K) =>
    results.map((result) => result[key] as NonNullable<SeedResult[K]>);
  const steps = { m1: sizes.consistentSteps, m2: sizes.downstreamSteps };
  return {
    ...(first !== undefined && { figure1: first }),
    ...(wants("table1") && { table1: await table1(seeds, parts("table1"), steps) }),
    ...(wants("table2") && { table2: table2(seeds, parts("table2")) }),
    ...(wants("figure3") && { figure3: figure3(seeds, parts("figure3")) }),
    ...(wants("dag") && { dag: dag(seeds, parts("dag")) }),
    ...(wants("estimators") && { estimators: await estimators(seeds, parts("estimators")) }),
    ...(wants("support") && { support: support(seeds, parts("support")) }),
    ...(wants("policy") && { policy: policy(seeds, parts("policy")) }),
    ...(wants("diagnosis") && { diagnosis: diagnosedUpdates(seeds, parts("diagnosis")) }),
    ...(wants("gap") && { gap: gap(seeds, parts("gap")) }),
    ...(wants("gate") && { gate: gate(seeds, parts("gate")) }),
  };
}

async function runSeed(
  seed: number,
  wants: (name: ExperimentName) => boolean,
  { sizes, engine, signal }: ReproduceOptions,
): Promise<SeedResult> {
  const independent: SeedResult = {
    ...(wants("dag") && { dag: await dagOf(seed, sizes, engine, signal) }),
    ...(wants("policy") && { policy: await policyOf(seed, sizes, engine, signal) }),
    ...(wants("gate") && { gate: await gateOf(seed, TICKS, sizes, engine, signal) }),
    ...(wants("diagnosis") && { diagnosis: await diagnosesOf(seed, sizes, engine, signal) }),
  };
  if (!TWO_STAGE_EXPERIMENTS.some(wants)) return independent;
  const stage = await openTwoStage(seed, sizes, engine, signal);
  try {
    return {
      ...independent,
      ...(wants("table2") && { table2: await table2Of(stage) }),
      ...(wants("figure3") && { figure3: await figure3Of(stage) }),
      ...(wants("table1") && { table1: await table1Of(stage, seed) }),
      ...(wants("estimators") && {
        estimators: { losses: await estimatorsOf(stage), clicks: await clicksOf(seed, sizes, engine, signal) },
      }),
      ...(wants("support") && { support: await supportOf(stage) }),
      ...(wants("gap") && { gap: await gapOf(stage, seed, engine, signal) }),
    };
  } finally {
    await stage.lab.close();
  }
}
