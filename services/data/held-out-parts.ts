import { createHash } from "node:crypto";
import { PARTS, type PartName, type PartShares } from "../pipeline/gate.ts";
import { MIN_HELD_OUT } from "../pipeline/generation.ts";
import { groupColumns } from "../pipeline/group-columns.ts";
import type { Pipeline } from "../pipeline/pipeline.ts";
import { createRandom } from "./random/random.ts";
import type { HeldOutRows } from "./source/data-source.ts";
import type { CategoricalColumn } from "./table/table.ts";
import { takeRows } from "./table/take-rows.ts";

/** Row numbers, ascending, of each part of the held-out rows. */
export type PartRows = Readonly<Record<PartName, Int32Array>>;

type Labeled = Pick<HeldOutRows, "labels"> & { readonly rows: number };

/** Of the parts of a gate's rows. Other salts divide the same rows independently of it. */
export const GATE_SALT = "gate-parts";

/**
 * Divides the held-out rows. The hash of a row's `data.group` (the first one), else of its `data.key`, else of its row number
 * decides, salted apart from the hash that holds rows out: so groups stay whole, and more rows move no others.
 */
export function divideHeldOut(
  pipeline: Pick<Pipeline, "data">,
  { rows, labels }: Labeled,
  split: PartShares,
  salt = GATE_SALT,
): PartRows {
  const [column] = groupColumns(pipeline);
  const groups = column === undefined ? undefined : labels[column];
  const partOfText = (text: string) => partAt(fractionOf(text, salt), split);
  const partOfGroup = groups?.dictionary.map(partOfText);
  const found: Record<PartName, number[]> = { screen: [], confirm: [], reserve: [] };
  for (let row = 0; row < rows; row += 1) {
    const part = partOfGroup === undefined ? partOfText(String(row)) : partOfGroup[groups?.codes[row] as number];
    found[part as PartName].push(row);
  }
  return {
    screen: Int32Array.from(found.screen),
    confirm: Int32Array.from(found.confirm),
    reserve: Int32Array.from(found.reserve),
  };
}

/** What a key hashes to, in [0, 1). */
function fractionOf(text: string, salt: string): number {
  return createHash("sha256").update(`${salt}/${text}`).digest().readUIntBE(0, 6) / 2 ** 48;
}

function partAt(fraction: number, [screen, confirm]: PartShares): PartName {
  if (fraction < screen) return "screen";
  return fraction < screen + confirm ? "confirm" : "reserve";
}

/** Selects held-out rows, in the given order, with their labels. */
export function takeHeldOut(
  { table, labels }: Pick<HeldOutRows, "table" | "labels">,
  rows: Int32Array,
): Pick<HeldOutRows, "table" | "labels"> {
  const taken = Object.entries(labels).map(([name, column]) => [name, takeLabels(column, rows)] as const);
  return { table: takeRows(table, rows), labels: Object.fromEntries(taken) };
}

/** The labels of some rows, without the values that none of them has. */
export function takeLabels({ codes, dictionary }: CategoricalColumn, rows: Int32Array): CategoricalColumn {
  const newCodes = new Map<number, number>();
  const own = rows.map((row) => {
    const code = codes[row] as number;
    if (!newCodes.has(code)) newCodes.set(code, newCodes.size);
    return newCodes.get(code) as number;
  });
  const values = Array.from(newCodes.keys(), (code) => dictionary[code] as string);
  return { kind: "categorical", width: 1, codes: own, dictionary: values };
}

/**
 * Chooses the held-out rows whose upstream outputs count as annotated, at random, and the same ones every time, so that more
 * wanted rows only add to fewer.
 * @returns ascending
 */
export function annotatedRows(rows: number, wanted: number): Int32Array {
  return createRandom(0, "audit-held-out").permutation(rows).slice(0, wanted).sort();
}

/** A part that is too small, as a problem of the pipeline file. */
export interface PartFault {
  /** Of the key that can help. */
  readonly path: readonly string[];
  readonly message: string;
}

/**
 * Finds parts whose rows, groups, or annotated rows are too few to tell two compositions apart.
 * @param held the held-out rows, with their groups
 */
export function partFaults(
  pipeline: Pick<Pipeline, "data" | "audit" | "gate">,
  held: Labeled,
  split: PartShares,
  salt = GATE_SALT,
): readonly PartFault[] {
  const parts = divideHeldOut(pipeline, held, split, salt);
  const [column] = groupColumns(pipeline);
  const codes = column === undefined ? undefined : held.labels[column]?.codes;
  const unitsIn = (rows: Int32Array) =>
    codes === undefined ? rows.length : new Set(Array.from(rows, (row) => codes[row])).size;
  const units = column === undefined ? "held-out rows" : `held-out values of ${column}`;
  const faults = tooSmall(parts, unitsIn).map((part) => ({
    path: ["gate", "split"],
    message: `the ${part} part has ${unitsIn(parts[part])} ${units}, and needs at least ${MIN_HELD_OUT}; with about ${neededUnits(split)} ${units}, every part has enough`,
  }));
  const { heldOut: wanted } = pipeline.audit ?? {};
  if (wanted === undefined || (pipeline.gate?.measure ?? "composed") === "composed") return faults;
  const annotated = new Set(annotatedRows(held.rows, wanted));
  const annotatedIn = (rows: Int32Array) => rows.filter((row) => annotated.has(row)).length;
  const few = tooSmall(parts, annotatedIn).map((part) => ({
    path: ["audit", "held_out"],
    message: `the ${part} part has ${annotatedIn(parts[part])} annotated rows, and an audited measure needs at least ${MIN_HELD_OUT}; with about ${neededUnits(split)} annotated rows, every part has enough`,
  }));
  return [...faults, ...few];
}

function tooSmall(parts: PartRows, unitsIn: (rows: Int32Array) => number): readonly PartName[] {
  return PARTS.filter((part) => unitsIn(parts[part]) < MIN_HELD_OUT);
}

/** With this many, the smallest part has enough in all but one of a thousand cases: three standard deviations. */
function neededUnits(split: PartShares): number {
  const share = Math.min(...split);
  // The n at which n share - 3 sqrt(n share (1 - share)) is the minimum.
  const spread = 3 * Math.sqrt(1 - share);
  const root = (spread + Math.sqrt(spread * spread + 4 * MIN_HELD_OUT)) / 2;
  return Math.ceil((root * root) / share);
}
