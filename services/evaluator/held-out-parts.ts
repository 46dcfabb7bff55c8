import { UncoupleError } from "../common/errors.ts";
import { annotatedRows, divideHeldOut, GATE_SALT, partFaults, takeLabels } from "../data/held-out-parts.ts";
import type { HeldOutRows } from "../data/source/data-source.ts";
import { isSpilled, loadTable, type StoredTable, withColumns } from "../data/spill/stored-table.ts";
import { takeStoredRows } from "../data/spill/take-stored-rows.ts";
import type { Table } from "../data/table/table.ts";
import { takeRows } from "../data/table/take-rows.ts";
import { type Target, targetOf } from "../data/targets/losses.ts";
import { targetColumn } from "../data/targets/target-column.ts";
import type { PartName, PartShares } from "../pipeline/gate.ts";
import type { HeldOutGeneration } from "../pipeline/generation.ts";
import type { Component, Pipeline } from "../pipeline/pipeline.ts";
import { targetColumns } from "../pipeline/visible-columns.ts";
import type { Logger } from "../runtime/logs.ts";
import type { RowStructure } from "../verdicts/judgement.ts";
import { createTestSample, storedTestSample, type TestSample } from "./model-tests/test-sample.ts";
import { rowStructure } from "./row-structure.ts";

/** One part of the held-out rows. */
export interface HeldOutPart {
  readonly part: PartName;
  readonly table: StoredTable;
  /** What the predictions of each component are compared with, by name. */
  readonly targets: ReadonlyMap<string, Target>;
  readonly structure: RowStructure;
  /** The rows of `table` whose upstream outputs count as annotated, ascending; undefined without `audit.held_out`. */
  readonly annotated: Int32Array | undefined;
  /** These rows. */
  readonly annotatedTable: Table | undefined;
}

/** The held-out rows of an evaluator. Everything but a gate's last word is measured on screen rows. */
export interface HeldOutParts {
  /** Of all parts together. */
  readonly rows: number;
  readonly screen: HeldOutPart;
  /** Screen rows for tests of models. */
  readonly sample: TestSample;
  /** undefined: all rows are screen rows. */
  readonly divided: DividedRows | undefined;
}

export interface DividedRows {
  readonly split: PartShares;
  readonly confirm: HeldOutPart;
  readonly reserve: HeldOutPart;
}

/**
 * Returns how these held-out rows are divided. The split of a generation lasts as long as it does, whatever the pipeline file
 * says meanwhile: rows that have answered in public never decide in private.
 *
 * @param newest generation; @param fingerprint of these rows
 */
export function splitInUse(
  newest: HeldOutGeneration | undefined,
  fingerprint: string,
  { gate }: Pick<Pipeline, "gate">,
  log: Logger,
): PartShares | undefined {
  const recorded = newest?.fingerprint === fingerprint ? newest.split : undefined;
  if (recorded === undefined) return gate?.split;
  if (gate !== undefined && !isSameSplit(gate.split, recorded)) {
    log.warn(
      { split: recorded },
      `gate.split of the pipeline file takes effect with the next generation of held-out rows; generation ${newest?.generation} stays split as it is`,
    );
  }
  return recorded;
}

export function isSameSplit(a: PartShares | undefined, b: PartShares | undefined): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

/** A part, before its rows are read. */
interface PartPlan extends Pick<HeldOutPart, "part" | "structure" | "annotated"> {
  /** Of these rows. */
  readonly labels: HeldOutRows["labels"];
  /** Ascending; undefined: all. */
  readonly rows: Int32Array | undefined;
}

/**
 * Divides held-out rows in memory into their parts.
 *
 * @param salt as in `divideHeldOut`
 * @throws UncoupleError `failed-precondition` for parts with too few rows, groups or annotated rows, or as `rowStructure`;
 *   `invalid-argument` for a target that does not fit its component
 */
export function createHeldOutParts(
  pipeline: Pipeline,
  { table, labels }: Pick<HeldOutRows, "table" | "labels">,
  split: PartShares | undefined,
  salt = GATE_SALT,
): HeldOutParts {
  const { screen, divided } = planParts(pipeline, { rows: table.rows, labels }, split, salt);
  const create = (plan: PartPlan) => {
    const own = plan.rows === undefined ? table : takeRows(table, plan.rows);
    const targets = new Map(pipeline.components.map((component) => [component.name, targetIn(component, own)]));
    return partOf(plan, own, targets, plan.annotated && takeRows(own, plan.annotated));
  };
  const screened = create(screen);
  return {
    rows: table.rows,
    screen: screened,
    sample: createTestSample(pipeline, { table: screened.table as Table, labels: screen.labels }),
    divided: divided && { split: divided.split, confirm: create(divided.confirm), reserve: create(divided.reserve) },
  };
}

/** As `createHeldOutParts`, of rows that may be in files: targets and annotated rows are loaded, the others are not. */
export async function storeHeldOutParts(
  pipeline: Pipeline,
  { table, labels }: Pick<HeldOutRows<StoredTable>, "table" | "labels">,
  split: PartShares | undefined,
): Promise<HeldOutParts> {
  if (!isSpilled(table)) return createHeldOutParts(pipeline, { table, labels }, split);
  const { screen, divided } = planParts(pipeline, { rows: table.rows, labels }, split, GATE_SALT);
  const create = async (plan: PartPlan) => {
    const own = plan.rows === undefined ? table : await takeStoredRows(table, plan.rows);
    const targets = new Map<string, Target>();
    for (const component of pipeline.components) {
      const columns = await loadTable(withColumns(own, targetColumns(component)));
      targets.set(component.name, targetIn(component, columns));
    }
    const annotated = plan.annotated && (await loadTable(await takeStoredRows(own, plan.annotated)));
    return partOf(plan, own, targets, annotated);
  };
  const screened = await create(screen);
  return {
    rows: table.rows,
    screen: screened,
    sample: await storedTestSample(pipeline, { table: screened.table, labels: screen.labels }),
    divided: divided && {
      split: divided.split,
      confirm: await create(divided.confirm),
      reserve: await create(divided.reserve),
    },
  };
}

function targetIn(component: Component, table: Table): Target {
  return targetOf(component, targetColumn(component, table));
}

function partOf(
  { part, structure, annotated }: PartPlan,
  table: StoredTable,
  targets: HeldOutPart["targets"],
  annotatedTable: Table | undefined,
): HeldOutPart {
  return { part, table, targets, structure, annotated, annotatedTable };
}

function planParts(
  pipeline: Pipeline,
  { rows, labels }: { readonly rows: number; readonly labels: HeldOutRows["labels"] },
  split: PartShares | undefined,
  salt: string,
): {
  readonly screen: PartPlan;
  readonly divided?: { readonly split: PartShares; readonly confirm: PartPlan; readonly reserve: PartPlan };
} {
  const wanted = pipeline.audit?.heldOut;
  if (wanted !== undefined && wanted > rows) {
    throw new UncoupleError(
      "failed-precondition",
      `audit.held_out: ${wanted} annotated rows requested, but only ${rows} held-out rows exist`,
    );
  }
  const annotated = wanted === undefined ? undefined : annotatedRows(rows, wanted);
  if (split === undefined) {
    const structure = rowStructure(pipeline, rows, labels);
    return { screen: { part: "screen", rows: undefined, structure, labels, annotated } };
  }
  const faults = partFaults(pipeline, { rows, labels }, split, salt);
  if (faults.length > 0) {
    const said = faults.map(({ path, message }) => `${path.join(".")}: ${message}`);
    throw new UncoupleError("failed-precondition", said.join("; "));
  }
  const divided = divideHeldOut(pipeline, { rows, labels }, split, salt);
  const isAnnotated = new Set(annotated);
  const planOf = (part: PartName): PartPlan => {
    const chosen = divided[part];
    const entries = Object.entries(labels).map(([name, column]) => [name, takeLabels(column, chosen)] as const);
    const own = Object.fromEntries(entries);
    const places = chosen.map((_, place) => place).filter((place) => isAnnotated.has(chosen[place] as number));
    return {
      part,
      rows: chosen,
      labels: own,
      structure: rowStructure(pipeline, chosen.length, own),
      annotated: annotated && places,
    };
  };
  return { screen: planOf("screen"), divided: { split, confirm: planOf("confirm"), reserve: planOf("reserve") } };
}
