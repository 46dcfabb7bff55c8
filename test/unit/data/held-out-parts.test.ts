import { describe, expect, test } from "vitest";
import { annotatedRows, divideHeldOut, partFaults } from "../../../services/data/held-out-parts.ts";
import type { CategoricalColumn } from "../../../services/data/table/table.ts";
import { DEFAULT_GATE, PARTS, type PartShares } from "../../../services/pipeline/gate.ts";
import type { FileRows, Pipeline } from "../../../services/pipeline/pipeline.ts";

const SPLIT: PartShares = [0.5, 0.3, 0.2];
const file = { source: "file", path: "rows.csv", testFraction: 0.2, maxBadFraction: 0 } as const;
const pipelineOf = (data: Partial<FileRows> = {}): Pick<Pipeline, "data" | "audit" | "gate"> => ({
  data: { ...file, ...data },
});

function label(values: readonly string[]): CategoricalColumn {
  const dictionary = [...new Set(values)];
  const codeOf = new Map(dictionary.map((value, code) => [value, code]));
  return { kind: "categorical", width: 1, codes: Int32Array.from(values, (v) => codeOf.get(v) ?? -1), dictionary };
}

/** The part of each value of a column. */
function partsOf(values: readonly string[], split = SPLIT): ReadonlyMap<string, string> {
  const held = { rows: values.length, labels: { id: label(values) } };
  const divided = divideHeldOut(pipelineOf({ key: "id" }), held, split);
  return new Map(PARTS.flatMap((part) => Array.from(divided[part], (row) => [values[row] as string, part] as const)));
}

const ids = Array.from({ length: 4000 }, (_, i) => `user-${i}`);

describe("the parts of held-out rows", () => {
  test("have the declared shares, and every row is in exactly one of them, ascending", () => {
    const divided = divideHeldOut(pipelineOf(), { rows: 4000, labels: {} }, SPLIT);
    for (const [index, part] of PARTS.entries()) {
      // Five standard deviations.
      expect(Math.abs(divided[part].length / 4000 - (SPLIT[index] as number))).toBeLessThan(0.04);
      expect(divided[part]).toEqual(divided[part].slice().sort());
    }
    const all = PARTS.flatMap((part) => [...divided[part]]).sort((a, b) => a - b);
    expect(all).toEqual(Array.from({ length: 4000 }, (_, row) => row));
  });

  test("do not depend on the order of rows with a key, and rows that are added move no others", () => {
    const before = partsOf(ids.slice(0, 2000));
    const after = partsOf([...ids].reverse());
    for (const [id, part] of before) expect(after.get(id)).toBe(part);
    const numbered = (rows: number) => divideHeldOut(pipelineOf(), { rows, labels: {} }, SPLIT);
    expect([...numbered(4000).confirm].filter((row) => row < 2000)).toEqual([...numbered(2000).confirm]);
  });

  test("keep rows of one group together, by the first column of groups", () => {
    const users = Array.from({ length: 900 }, (_, i) => `u${i % 90}`);
    const items = Array.from({ length: 900 }, (_, i) => `i${i % 7}`);
    const labels = { user: label(users), item: label(items), id: label(ids.slice(0, 900)) };
    const pipeline = pipelineOf({ key: "id", group: ["user", "item"] });
    const divided = divideHeldOut(pipeline, { rows: 900, labels }, SPLIT);
    const usersOf = PARTS.map((part) => new Set(Array.from(divided[part], (row) => users[row])));
    expect(usersOf.reduce((sum, found) => sum + found.size, 0)).toBe(90);
  });

  test("are independent of the hash that holds rows out", async () => {
    const { createHash } = await import("node:crypto");
    const many = Array.from({ length: 20_000 }, (_, i) => `user-${i}`);
    const isHeldOut = (id: string) => createHash("md5").update(id).digest().readUInt32BE() < 0.2 * 2 ** 32;
    const heldOut = many.filter(isHeldOut);
    const parts = [...partsOf(heldOut).values()];
    for (const [index, part] of PARTS.entries()) {
      const share = parts.filter((found) => found === part).length / heldOut.length;
      expect(Math.abs(share - (SPLIT[index] as number))).toBeLessThan(0.04);
    }
  });
});

describe("parts that are too small", () => {
  const faultsOf = (count: number, change: Partial<Pipeline> = {}) =>
    partFaults({ ...pipelineOf(), ...change }, { rows: count, labels: {} }, SPLIT).map(
      ({ path, message }) => `${path.join(".")}: ${message}`,
    );

  test("are named with what they have and what would do, which is right", () => {
    const faults = faultsOf(100);
    expect(faults).toHaveLength(2);
    expect(faults[1]).toMatch(
      /^gate\.split: the reserve part has \d\d held-out rows, and needs at least 30; with about 244 held-out rows, every part has enough$/,
    );
    expect(faultsOf(244)).toEqual([]);
  });

  test("count groups, not rows", () => {
    const users = Array.from({ length: 3000 }, (_, i) => `u${i % 60}`);
    const [fault] = partFaults(
      pipelineOf({ group: ["user"] }),
      { rows: 3000, labels: { user: label(users) } },
      SPLIT,
    ).slice(-1);
    expect(fault?.message).toMatch(/^the reserve part has \d+ held-out values of user, .* 244 held-out values of user/);
  });

  test("count annotated rows, if the measure needs them", () => {
    const audited = { audit: { heldOut: 100 } };
    expect(faultsOf(2000, { ...audited, gate: DEFAULT_GATE })).toEqual([]);
    const faults = faultsOf(2000, { ...audited, gate: { ...DEFAULT_GATE, measure: "audited" } });
    expect(faults.at(-1)).toMatch(
      /^audit\.held_out: the reserve part has \d\d annotated rows, and an audited measure needs at least 30; with about 244 annotated rows, every part has enough$/,
    );
    expect(faultsOf(2000, { audit: { heldOut: 244 }, gate: { ...DEFAULT_GATE, measure: "both" } })).toEqual([]);
  });
});

test("fewer annotated rows are among those of more", () => {
  const many = new Set(annotatedRows(500, 300));
  expect(many.size).toBe(300);
  expect([...annotatedRows(500, 40)].every((row) => many.has(row))).toBe(true);
});
