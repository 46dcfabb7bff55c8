import { UncoupleError } from "../common/errors.ts";
import { annotatedRows, divideHeldOut, GATE_SALT, partFaults, takeHeldOut } from "../data/held-out-parts.ts";
import type { HeldOutRows } from "../data/source/data-source.ts";
import type { Table } from "../data/table/table.ts";
import type { PartName, PartShares } from "../pipeline/gate.ts";
import type { HeldOutGeneration } from "../pipeline/generation.ts";
import type { Pipeline } from "../pipeline/pipeline.ts";
import type { Logger } from "../runtime/logs.ts";
import type { RowStructure } from "../verdicts/judgement.ts";
import { createTestSample, type TestSample } from "./model-tests/test-sample.ts";
import { rowStructure } from "./row-structure.ts";

/** One part of the held-out rows. */
export interface HeldOutPart {
  readonly part: PartName;
  readonly table: Table;
  readonly structure: RowStructure;
  /** The rows of `table` whose upstream outputs count as annotated, ascending; undefined without `audit.held_out`. */
  readonly annotated: Int32Array | undefined;
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

/**
 * Divides the held-out rows into their parts.
 *
 * @param salt as in `divideHeldOut`
 * @throws UncoupleError `failed-precondition` for parts with too few rows, groups or annotated rows, or as `rowStructure`
 */
export function createHeldOutParts(
  pipeline: Pipeline,
  { table, labels }: Pick<HeldOutRows, "table" | "labels">,
  split: PartShares | undefined,
  salt = GATE_SALT,
): HeldOutParts {
  const { rows } = table;
  const wanted = pipeline.audit?.heldOut;
  if (wanted !== undefined && wanted > rows) {
    throw new UncoupleError(
      "failed-precondition",
      `audit.held_out: ${wanted} annotated rows requested, but only ${rows} held-out rows exist`,
    );
  }
  const annotated = wanted === undefined ? undefined : annotatedRows(rows, wanted);
  if (split === undefined) {
    const screen: HeldOutPart = { part: "screen", table, structure: rowStructure(pipeline, rows, labels), annotated };
    return { rows, screen, sample: createTestSample(pipeline, { table, labels }), divided: undefined };
  }
  const faults = partFaults(pipeline, { rows, labels }, split, salt);
  if (faults.length > 0) {
    const said = faults.map(({ path, message }) => `${path.join(".")}: ${message}`);
    throw new UncoupleError("failed-precondition", said.join("; "));
  }
  const divided = divideHeldOut(pipeline, { rows, labels }, split, salt);
  const isAnnotated = new Set(annotated);
  const partOf = (part: PartName): HeldOutPart => {
    const chosen = divided[part];
    const own = takeHeldOut({ table, labels }, chosen);
    const places = chosen.map((_, place) => place).filter((place) => isAnnotated.has(chosen[place] as number));
    return {
      part,
      table: own.table,
      structure: rowStructure(pipeline, chosen.length, own.labels),
      annotated: annotated && places,
    };
  };
  return {
    rows,
    screen: partOf("screen"),
    sample: createTestSample(pipeline, takeHeldOut({ table, labels }, divided.screen)),
    divided: { split, confirm: partOf("confirm"), reserve: partOf("reserve") },
  };
}
