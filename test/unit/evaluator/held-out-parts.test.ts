import { describe, expect, test } from "vitest";
import type { CategoricalColumn } from "../../../services/data/table/table.ts";
import { createHeldOutParts, splitInUse } from "../../../services/evaluator/held-out-parts.ts";
import { DEFAULT_GATE, type PartShares } from "../../../services/pipeline/gate.ts";
import type { HeldOutGeneration } from "../../../services/pipeline/generation.ts";
import type { Pipeline } from "../../../services/pipeline/pipeline.ts";
import { tableOf, twoComponents } from "../../helpers/linear-pipelines.ts";
import { recordingLog } from "../../helpers/log.ts";

const rows = 1200;
const numbers = Array.from({ length: rows }, (_, row) => row);
const table = tableOf({ x: numbers, z: numbers, y: numbers });
const SPLIT: PartShares = [0.5, 0.3, 0.2];
const label = (of: (row: number) => string): CategoricalColumn => {
  const values = numbers.map(of);
  const dictionary = [...new Set(values)];
  return { kind: "categorical", width: 1, codes: Int32Array.from(values, (v) => dictionary.indexOf(v)), dictionary };
};
const pipeline: Pipeline = {
  ...twoComponents,
  data: { source: "file", path: "rows.csv", testFraction: 0.2, maxBadFraction: 0, group: ["user"] },
  slices: ["device"],
  audit: { heldOut: 400 },
};
const userOf = (row: number) => `u${row % 300}`;
const labels = { user: label(userOf), device: label((row) => (row === 0 ? "rare" : `d${row % 3}`)) };

describe("divided rows", () => {
  const parts = createHeldOutParts(pipeline, { table, labels }, SPLIT);
  const { screen, divided } = parts;
  const three = [screen, divided?.confirm, divided?.reserve].flatMap((part) => part ?? []);
  const rowsIn = (part: (typeof three)[number]) => [...(part.table.columns.x as { values: Float32Array }).values];

  test("are in one part each, with their table and groups", () => {
    expect(three.map(({ part }) => part)).toEqual(["screen", "confirm", "reserve"]);
    expect(three.flatMap(rowsIn).sort((a, b) => a - b)).toEqual(numbers);
    expect(parts.rows).toBe(rows);
    for (const part of three) {
      const [users] = part.structure.groupings;
      const own = new Set(rowsIn(part).map(userOf));
      expect(users?.count).toBe(own.size);
      expect(part.table.rows).toBe(4 * own.size);
      expect(new Set(users?.codes).size).toBe(own.size);
    }
  });

  test("have the slices of their own rows only", () => {
    for (const part of three) {
      const [devices] = part.structure.slices;
      const expected = rowsIn(part).map((row) => (row === 0 ? "rare" : `d${row % 3}`));
      expect(Array.from(devices?.codes ?? [], (code) => devices?.values[code])).toEqual(expected);
      expect([...(devices?.values ?? [])].sort()).toEqual([...new Set(expected)].sort());
    }
    expect(three.filter(({ structure }) => structure.slices[0]?.values.includes("rare"))).toHaveLength(1);
  });

  test("share the annotated rows, which are the same ones as without a split", () => {
    const whole = createHeldOutParts(pipeline, { table, labels }, undefined);
    expect(whole.divided).toBeUndefined();
    expect(whole.screen.table).toBe(table);
    const annotated = three.flatMap((part) => Array.from(part.annotated ?? [], (row) => rowsIn(part)[row] as number));
    expect(annotated.sort((a, b) => a - b)).toEqual([...(whole.screen.annotated ?? [])]);
    expect(annotated).toHaveLength(400);
  });

  test("refuse what is too few", () => {
    expect(() => createHeldOutParts({ ...pipeline, audit: { heldOut: 1201 } }, { table, labels }, SPLIT)).toThrow(
      "audit.held_out: 1201 annotated rows requested, but only 1200 held-out rows exist",
    );
    const few = { ...labels, user: label((row) => `u${row % 60}`) };
    expect(() => createHeldOutParts(pipeline, { table, labels: few }, SPLIT)).toThrow(
      /^gate\.split: the confirm part has \d+ held-out values of user, .*; gate\.split: the reserve part has /,
    );
  });
});

describe("the split of a generation", () => {
  const fingerprint = "a".repeat(64);
  const newest = (split?: PartShares) =>
    ({ generation: 3, fingerprint, ...(split !== undefined && { split }) }) as HeldOutGeneration;
  const gated = { ...twoComponents, gate: { ...DEFAULT_GATE, split: SPLIT } };
  const other: PartShares = [0.6, 0.3, 0.1];
  const chosen = (generation: HeldOutGeneration | undefined, { gate }: Pick<Pipeline, "gate">) => {
    const { log, records } = recordingLog();
    const split = splitInUse(generation, fingerprint, gate === undefined ? {} : { gate }, log);
    return { split, warnings: records.map(({ message }) => message) };
  };

  test("lasts as long as the generation, whatever the file says, which is warned of", () => {
    expect(chosen(newest(other), gated)).toEqual({
      split: other,
      warnings: [
        "gate.split of the pipeline file takes effect with the next generation of held-out rows; generation 3 stays split as it is",
      ],
    });
    expect(chosen(newest(SPLIT), gated)).toEqual({ split: SPLIT, warnings: [] });
    expect(chosen(newest(other), twoComponents)).toEqual({ split: other, warnings: [] });
  });

  test("is the file's for rows that are new, or were not divided; without a gate there is none", () => {
    expect(chosen(undefined, gated).split).toBe(SPLIT);
    expect(chosen(newest(), gated).split).toBe(SPLIT);
    expect(chosen({ ...newest(other), fingerprint: "b".repeat(64) }, gated)).toEqual({ split: SPLIT, warnings: [] });
    expect(chosen({ ...newest(other), fingerprint: "b".repeat(64) }, twoComponents).split).toBeUndefined();
    expect(chosen(newest(), twoComponents).split).toBeUndefined();
  });
});
