import { createHash } from "node:crypto";
import { yieldToEventLoop } from "../../common/async/yield.ts";
import type { CategoricalColumn, Column } from "../table/table.ts";
import { type StoredTable, tableBlocks } from "./stored-table.ts";

/** Odd multipliers, one for each of the four 32-bit lanes of a row's hash. */
const MULTIPLIERS = Int32Array.of(0x9e3779b1, 0x85ebca77, 0xc2b2ae3d, 0x27d4eb2f);
const LANES = MULTIPLIERS.length;
const ROWS_PER_STEP = 100_000;

/**
 * Computes a fingerprint (SHA-256, hex) of the rows as a set that counts repeated rows: of all columns and labels by name,
 * whatever the order of rows, columns or categories. Rows are hashed to 128 bits, and the hashes are added modulo 2^32 by
 * lane. Different rows have the same fingerprint only by a chance of 2^-128, or if somebody constructs them.
 * @param labels columns beside those of the table, such as keys, [rows] each
 */
export async function fingerprintRowSet(
  table: StoredTable,
  labels: Readonly<Record<string, CategoricalColumn>>,
): Promise<string> {
  const inName = (a: { readonly name: string }, b: { readonly name: string }) => (a.name < b.name ? -1 : 1);
  const named = Object.entries(labels).map(([name, column]) => ({ name: `label ${name}`, words: wordsOf(column) }));
  const lanes = new Int32Array(LANES);
  const sums = new Uint32Array(LANES);
  let first = 0;
  for await (const block of tableBlocks(table)) {
    const words = [
      // Labels are in memory, so their rows are counted from the start.
      ...named.map((label) => ({ ...label, first })),
      ...Object.entries(block.columns).map(([name, column]) => ({
        name: `column ${name}`,
        words: wordsOf(column),
        first: 0,
      })),
    ].sort(inName);
    for (let row = 0; row < block.rows; row++) {
      if (row % ROWS_PER_STEP === ROWS_PER_STEP - 1) await yieldToEventLoop();
      lanes.fill(0);
      for (const { words: of, first: offset } of words) {
        const { values, width, index } = of;
        const start = width * (index === undefined ? offset + row : (index[offset + row] as number));
        for (let i = start; i < start + width; i++) absorb(lanes, values[i] as number);
      }
      for (let lane = 0; lane < LANES; lane++) sums[lane] = (sums[lane] as number) + finish(lanes[lane] as number);
    }
    first += block.rows;
  }
  const shape = [
    ...Object.entries(table.columns).map(([name, column]) => ({ name: `column ${name}`, column })),
    ...Object.entries(labels).map(([name, column]) => ({ name: `label ${name}`, column })),
  ]
    .sort(inName)
    .map(({ name, column }) => [name, column.kind, column.width]);
  return createHash("sha256")
    .update(JSON.stringify([shape, table.rows, [...sums]]))
    .digest("hex");
}

/** The 32-bit words of a column's rows: `values[width * (index?.[row] ?? row) + i]`. */
interface Words {
  readonly values: Uint32Array | Int32Array;
  readonly width: number;
  readonly index?: Int32Array;
}

function wordsOf(column: Column): Words {
  if (column.kind === "numeric") {
    const { buffer, byteOffset, length } = column.values;
    return { values: new Uint32Array(buffer, byteOffset, length), width: column.width };
  }
  const values = new Int32Array(LANES * column.dictionary.length);
  column.dictionary.forEach((text, entry) => {
    const lanes = values.subarray(LANES * entry, LANES * (entry + 1));
    for (let i = 0; i < text.length; i++) absorb(lanes, text.charCodeAt(i));
    absorb(lanes, text.length);
  });
  return { values, width: LANES, index: column.codes };
}

/** Takes a word into each lane, as a round of MurmurHash3 does. */
function absorb(lanes: Int32Array, word: number): void {
  for (let lane = 0; lane < LANES; lane++) {
    const mixed = Math.imul((lanes[lane] as number) ^ word, MULTIPLIERS[lane] as number);
    lanes[lane] = Math.imul((mixed << 13) | (mixed >>> 19), 5) + 0xe6546b64;
  }
}

/** The finalizer of MurmurHash3: every bit depends on every bit. */
function finish(lane: number): number {
  let mixed = Math.imul(lane ^ (lane >>> 16), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return mixed ^ (mixed >>> 16);
}
