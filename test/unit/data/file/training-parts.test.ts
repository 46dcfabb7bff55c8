import { expect, test } from "vitest";
import { createSyntheticSource } from "../../../../services/data/synthetic/synthetic-source.ts";
import { dataFiles, numbers } from "../../../helpers/data-files.ts";

const { file, opened } = dataFiles();
const SHARE = 0.3;
const fit = { side: "fit", share: SHARE } as const;
const validation = { side: "validation", share: SHARE } as const;

/** Rows x = 0, 1, ..., of users with three rows each; every second row is annotated. */
const rowsOf = (count: number) =>
  `x,user,z\n${Array.from({ length: count }, (_, x) => `${x},u${Math.floor(x / 3)},${x % 2 === 0 ? 1 : ""}`).join("\n")}\n`;

test.each([
  ["a key", { key: "x" }],
  ["a group", { group: ["user"] }],
  ["the row number", {}],
])(
  "the training rows divide by %s: every row is on one side, groups stay whole, and more rows move none",
  async (_, over) => {
    const sides = async (count: number) =>
      opened(await file(rowsOf(count)), { ...over, testFraction: 0.25 }, async (source) => ({
        all: numbers(await source.trainingRows(["x"]), "x"),
        fit: numbers(await source.trainingRows(["x"], { part: fit }), "x"),
        validation: numbers(await source.trainingRows(["x"], { part: validation }), "x"),
        heldOut: numbers(await source.heldOutRows(["x"]), "x"),
      }));
    const few = await sides(600);
    expect([...few.fit, ...few.validation].sort((a, b) => a - b)).toEqual(few.all);
    expect(few.heldOut.filter((x) => few.validation.includes(x))).toEqual([]);
    // Independent of the hash that holds rows out.
    expect(few.validation.length / few.all.length).toBeGreaterThan(SHARE - 0.08);
    expect(few.validation.length / few.all.length).toBeLessThan(SHARE + 0.08);
    if ("group" in over) {
      const users = new Set(few.fit.map((x) => Math.floor(x / 3)));
      expect(few.validation.filter((x) => users.has(Math.floor(x / 3)))).toEqual([]);
    }
    const many = await sides(900);
    expect(many.validation.filter((x) => x < 600)).toEqual(few.validation);
  },
);

test("the audited rows of a side are those of the sample that are on it", async () => {
  await opened(await file(rowsOf(600)), { key: "x" }, async (source) => {
    const sample = numbers(await source.auditRows(["x"], ["z"], 100), "x");
    const part = numbers(await source.auditRows(["x"], ["z"], 100, { part: fit }), "x");
    const own = numbers(await source.trainingRows(["x"], { part: fit }), "x");
    expect(part).toEqual(sample.filter((x) => own.includes(x)));
    expect(part.length).toBeLessThan(100);
  });
});

test("generated rows divide, too", async () => {
  const source = createSyntheticSource({
    source: "synthetic",
    generator: "two-stage",
    seed: 3,
    rows: 500,
    testFraction: 0.5,
    parameters: {},
  });
  const rows = async (part?: typeof fit | typeof validation) =>
    numbers(await source.trainingRows(["y"], { part }), "y");
  const [all, own, others] = [await rows(), await rows(fit), await rows(validation)];
  const ascending = (a: number, b: number) => a - b;
  expect([...own, ...others].sort(ascending)).toEqual([...all].sort(ascending));
  expect(others.length).toBeGreaterThan(40);
  const sample = async (part?: typeof fit) => numbers(await source.auditRows([], ["y"], 50, { part }), "y");
  expect(await sample(fit)).toEqual((await sample()).filter((y) => own.includes(y)));
});

test("a side without rows says what to change in the search", async () => {
  await opened(await file(rowsOf(9)), { key: "x", testFraction: 0.25 }, async (source) => {
    const side = (part: { readonly side: "fit" | "validation"; readonly share: number }) =>
      source.trainingRows(["x"], { part });
    await expect(side({ side: "validation", share: 1e-9 })).rejects.toThrow(
      "has no training rows to measure trials on; raise `validation` in the search",
    );
    await expect(side({ side: "fit", share: 1 - 1e-9 })).rejects.toThrow(
      "has no training rows left to train trials on; lower `validation` in the search",
    );
  });
});
