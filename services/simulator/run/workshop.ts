import { closureOf, componentNamed, consumers } from "../../pipeline/dag.ts";
import type { PartShares } from "../../pipeline/gate.ts";
import type { Pipeline } from "../../pipeline/pipeline.ts";
import type { Composition } from "../../pipeline/verdict.ts";
import { changesOf } from "../../verdicts/alignment.ts";
import { type Judgement, judgeSnapshot } from "../../verdicts/judgement.ts";
import { createSharedWeights } from "../../verdicts/paired/shared-weights.ts";
import { type GateParts, gateRowsOn, type MeasuredRows, measureOn } from "../models/measured-rows.ts";
import type { StoredModel } from "../models/model-store.ts";
import { createSnapshotShelf, type SnapshotShelf } from "../models/snapshot-shelf.ts";
import type { Policy } from "../policies/policy.ts";
import type { LossRecord, TrainingCause } from "../records/policy-run.ts";
import type { Wish } from "../world/events.ts";
import type { SeedWorld, WorldStage } from "./seed-world.ts";
import { createSnapshotBook, type SnapshotBook } from "./snapshot-book.ts";

/** A training that has started. */
export interface StartedRun {
  readonly component: string;
  /** Of which the component is a part; it may have changed when the training is over. */
  readonly pipeline: Pipeline;
  readonly cause: TrainingCause;
  readonly hidden: readonly number[];
  readonly steps: number;
  readonly seed: number;
  readonly isBad: boolean;
  readonly startedAt: number;
  /** The serials of all ancestors. */
  readonly upstream: Composition;
  /** The wishes that it serves. */
  readonly wishes: readonly Wish[];
  /** The request of a gate that it answers. */
  readonly answers?: string;
}

/** Trains, judges and releases in one run of a policy, and keeps account. */
export interface Workshop {
  readonly shelf: SnapshotShelf;
  readonly book: SnapshotBook;
  stage(): WorldStage;
  /** Goes on with the next stage: nothing of the team that was split is in use, and nothing of the new ones yet. */
  reorganize(stage: WorldStage, at: number): void;
  /** Trains what was started. @returns the serial of the snapshot */
  train(run: StartedRun): Promise<number>;
  /** Records a snapshot with its verdict. @param current the composition that it is compared with; undefined: it gets no verdict */
  judge(run: StartedRun, serial: number, at: number, current: Composition | undefined): Promise<Judgement | undefined>;
  /** Puts snapshots into use, and measures the pipeline. */
  release(moves: Composition, at: number): Promise<void>;
  /** Measures the pipeline again because the data has changed. */
  remeasure(at: number): Promise<void>;
  /** The serials of a component's ancestors that were in use at a time. */
  pinsAt(component: string, at: number): Composition;
  /** The held-out rows of an epoch. */
  rowsOf(epoch: number): MeasuredRows;
  /** The parts of these rows that a gate asks, as its policy divides them. */
  gateRowsOf(epoch: number, split: PartShares): GateParts;
  losses(): readonly LossRecord[];
  /** @param loss a mean pipeline loss @returns 0 for the irreducible loss of the epoch, 100 for that of the start */
  normalized(loss: number, epoch: number): number;
}

export interface WorkshopOptions {
  readonly signal: AbortSignal;
  /** As `SimulateOptions.onSnapshot`. */
  onSnapshot?(component: string, serial: number, model: StoredModel): void;
}

export async function openWorkshop(world: SeedWorld, policy: Policy, options: WorkshopOptions): Promise<Workshop> {
  const { signal } = options;
  const { truth, trainer, scenario, unit } = world;
  let stage: WorldStage = world.stages[0];
  const shelf = createSnapshotShelf();
  const keep = (component: string, model: StoredModel) => {
    const serial = shelf.add(component, model);
    options.onSnapshot?.(component, serial, model);
    return serial;
  };
  const initial = Object.fromEntries(Object.entries(world.initial).map(([name, model]) => [name, keep(name, model)]));
  const book = createSnapshotBook(initial, scenario.ticks);
  const scale = 100 / (unit - truth.rowsOf(truth.epochAt(0)).irreducible);
  const drawShared = createSharedWeights();
  const losses: LossRecord[] = [];
  let last: { readonly epoch: number; readonly stage: WorldStage; readonly rows: MeasuredRows } | undefined;
  let lastGate: { readonly epoch: number; readonly stage: WorldStage; readonly parts: GateParts } | undefined;

  function rowsOf(epoch: number): MeasuredRows {
    if (last?.epoch !== epoch || last.stage !== stage) {
      last = { epoch, stage, rows: measureOn(stage.pipeline, truth.rowsOf(epoch).heldOut, shelf, signal) };
    }
    return last.rows;
  }

  function gateRowsOf(epoch: number, split: PartShares): GateParts {
    if (lastGate?.epoch !== epoch || lastGate.stage !== stage) {
      const { heldOut } = truth.rowsOf(epoch);
      lastGate = { epoch, stage, parts: gateRowsOn(stage.pipeline, heldOut, split, shelf, signal) };
    }
    return lastGate.parts;
  }

  const normalized = (loss: number, epoch: number) => scale * (loss - truth.rowsOf(epoch).irreducible);

  async function measure(at: number, moves: Composition): Promise<void> {
    const epoch = truth.epochAt(at);
    losses.push({ at, loss: normalized(await rowsOf(epoch).loss(book.inUse()), epoch), moves });
  }

  function stalenessOf({ component, pipeline, upstream }: StartedRun, at: number): number {
    const read = componentNamed(pipeline, component).upstream;
    const ages = read.map((name) => at - (book.replacedAt(name, upstream[name] as number) ?? at));
    return ages.length === 0 ? 0 : ages.reduce((sum, age) => sum + age, 0) / ages.length;
  }

  const workshop: Workshop = {
    shelf,
    book,
    rowsOf,
    gateRowsOf,
    normalized,
    losses: () => losses,
    stage: () => stage,
    reorganize(next, at) {
      stage = next;
      for (const name of Object.keys(book.inUse()))
        if (!next.pipeline.components.some((component) => component.name === name)) book.end(name, at);
    },
    async train(run) {
      const { component, pipeline, cause, hidden, steps, seed, upstream, startedAt } = run;
      const readsOthers = componentNamed(pipeline, component).upstream.length > 0;
      const { protocol, audited } = policy.training({ readsOthers, rank: world.rank(component) });
      const isConsumed = consumers(pipeline.components, component).length > 0;
      const model = await trainer.train(
        {
          component,
          pipeline,
          hidden,
          steps,
          seed,
          protocol,
          ...(audited !== undefined && { audited }),
          epoch: truth.epochAt(startedAt),
          upstream: shelf.models(upstream),
          // Part of what a training depends on only where the protocol looks at it.
          ...(protocol.name === "proximal" &&
            isConsumed &&
            cause !== "split" && { previous: shelf.model(component, book.inUseAt(component, startedAt)) }),
        },
        signal,
      );
      signal.throwIfAborted();
      return keep(component, model);
    },
    async judge(run, serial, at, current) {
      const { component, pipeline, upstream, cause, isBad, startedAt, steps } = run;
      const epoch = truth.epochAt(at);
      const judgement =
        current &&
        (await judgeSnapshot(
          { component, serial },
          {
            pipeline: stage.pipeline,
            losses: rowsOf(epoch).losses,
            structure: rowsOf(epoch).structure,
            drawShared,
            current,
            alternatives: () => [],
            proven: () => true,
            signal,
          },
        ));
      const difference = judgement?.comparison?.difference;
      book.add({
        component,
        serial,
        cause,
        isBad,
        startedAt,
        readyAt: at,
        steps,
        digest: shelf.model(component, serial).digest,
        pins: Object.fromEntries(
          componentNamed(pipeline, component).upstream.map((name) => [name, upstream[name] as number]),
        ),
        staleness: stalenessOf(run, at),
        verdict:
          judgement === undefined
            ? null
            : {
                kind: judgement.kind,
                difference: difference === undefined ? null : scale * difference,
                ownImproved: (judgement.componentInterval?.[1] ?? 0) < 0,
                changes: changesOf(judgement) ?? null,
              },
      });
      return judgement;
    },
    async release(moves, at) {
      book.deploy(moves, at);
      await measure(at, moves);
    },
    remeasure: (at) => measure(at, {}),
    pinsAt: (component, at) =>
      Object.fromEntries(
        closureOf(stage.pipeline, component)
          .slice(0, -1)
          .map((name) => [name, book.inUseAt(name, at)]),
      ),
  };
  await workshop.remeasure(0);
  return workshop;
}
