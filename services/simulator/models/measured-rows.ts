import { mean } from "../../common/statistics.ts";
import { type AnnotatedRows, createAnnotatedRows } from "../../composition/annotated-losses.ts";
import { composeLosses } from "../../composition/compose-losses.ts";
import { createComposer } from "../../composition/composer.ts";
import { divideHeldOut } from "../../data/held-out-parts.ts";
import type { Column, Table } from "../../data/table/table.ts";
import { takeRows } from "../../data/table/take-rows.ts";
import { targetOf } from "../../data/targets/losses.ts";
import type { PartName, PartShares } from "../../pipeline/gate.ts";
import { objectivesOf } from "../../pipeline/objectives.ts";
import type { Pipeline } from "../../pipeline/pipeline.ts";
import type { Composition } from "../../pipeline/verdict.ts";
import { createAuditedLosses } from "../../releases/audited-losses.ts";
import type { GateRows } from "../../releases/gate-rows.ts";
import type { ComposedLosses } from "../../verdicts/composed-losses.ts";
import type { RowStructure } from "../../verdicts/judgement.ts";
import { pipelineLoss } from "../../verdicts/pipeline-loss.ts";
import { createLocalInference } from "./local-inference.ts";
import type { SnapshotShelf } from "./snapshot-shelf.ts";

/** Rows on which compositions of a shelf's snapshots are measured. */
export interface MeasuredRows {
  readonly losses: ComposedLosses;
  readonly structure: RowStructure;
  /** The same rows with annotated upstream outputs. */
  readonly annotated: AnnotatedRows;
  /** Mean pipeline loss of a composition. */
  loss(composition: Composition): Promise<number>;
}

/** Of whole outputs that were asked for: the store of models keeps those in between. */
const OUTPUT_BYTES = 16 * 2 ** 20;
const INDEPENDENT: RowStructure = { groupings: [], slices: [] };

export function measureOn(pipeline: Pipeline, table: Table, shelf: SnapshotShelf, signal: AbortSignal): MeasuredRows {
  const composer = createComposer(
    { pipeline, heldOut: table, outputCacheBytes: OUTPUT_BYTES },
    { modelOf: shelf.hosted, inference: createLocalInference(), signal },
  );
  const targets = new Map(
    pipeline.components.map((component) => [
      component.name,
      targetOf(component, table.columns[component.target] as Column),
    ]),
  );
  // Nothing composes ahead: there is no host that works meanwhile.
  const losses = composeLosses(pipeline, { ...composer, prepare: () => {} }, targets);
  const objectives = objectivesOf(pipeline);
  return {
    losses,
    structure: INDEPENDENT,
    annotated: createAnnotatedRows(pipeline, table, composer, () => {}),
    async loss(composition) {
      const measured = await pipelineLoss(objectives, (component) => losses.rowLosses(component, composition));
      return measured === undefined ? Number.NaN : mean(measured.sum);
    },
  };
}

/** The parts of the held-out rows that a gate asks. */
export type GateParts = Readonly<Record<Exclude<PartName, "reserve">, GateRows>>;

/** Divides the held-out rows as an evaluator with a gate does. */
export function gateRowsOn(
  pipeline: Pipeline,
  table: Table,
  split: PartShares,
  shelf: SnapshotShelf,
  signal: AbortSignal,
): GateParts {
  const parts = divideHeldOut(pipeline, { rows: table.rows, labels: {} }, split);
  const rowsOf = (part: keyof GateParts): GateRows => {
    const { losses, structure, annotated } = measureOn(pipeline, takeRows(table, parts[part]), shelf, signal);
    return { part, losses, structure, audited: createAuditedLosses(annotated, () => structure) };
  };
  return { screen: rowsOf("screen"), confirm: rowsOf("confirm") };
}
