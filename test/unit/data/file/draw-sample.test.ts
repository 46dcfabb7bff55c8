import { join } from "node:path";
import { expect, test } from "vitest";
import { createRandom } from "../../../../services/data/random/random.ts";
import type { DataSource, Rows } from "../../../../services/data/source/data-source.ts";
import { openSpillSpace } from "../../../../services/data/spill/spill-folder.ts";
import { isSpilled, loadTable } from "../../../../services/data/spill/stored-table.ts";
import type { RowSample } from "../../../../services/pipeline/sample.ts";
import { dataFiles, numbers } from "../../../helpers/data-files.ts";
import { type OracleRow, sampleByDefinition } from "../../../helpers/sample-oracle.ts";

const { file, opened, failureOf, pathOf } = dataFiles();
const VISIBLE = ["id", "x", "title"];
const WORDS = ["red", "blue", "shoe", "shoes", "hat", "warm", "cold", "tea"];

/** Rows with many equal and nearly equal values, in a few countries of very different size. */
function randomRows(count: number, seed: number): readonly OracleRow[] {
  const random = createRandom(seed, "sampled");
  const whole = (below: number) => Math.floor(random.uniform() * below);
  return Array.from({ length: count }, (_, id) => ({
    id,
    x: whole(12) / 4,
    title: Array.from({ length: 1 + whole(3) }, () => WORDS[whole(WORDS.length)]).join(" "),
    user: `u${whole(count / 6)}`,
    country: countryOf(random.uniform()),
  }));
}

function countryOf(share: number): string {
  if (share < 0.03) return "tv";
  if (share < 0.15) return "fr";
  return share < 0.4 ? "de" : "us";
}

function csvOf(rows: readonly OracleRow[]): string {
  const names = Object.keys(rows[0] as OracleRow);
  return `${names.join(",")}\n${rows.map((row) => names.map((name) => row[name]).join(",")).join("\n")}\n`;
}

const draw = (source: DataSource, columns: readonly string[], sample?: RowSample): Promise<Rows> =>
  source.trainingRows(columns, { sample });
const ids = (rows: Rows) => numbers(rows, "id");

const specs: readonly RowSample[] = [
  { rows: 50 },
  { rows: 1_000_000 },
  { distinct: true },
  { nearDuplicates: { columns: ["title"], distance: 0 } },
  { nearDuplicates: { columns: ["title"], distance: 1 } },
  { nearDuplicates: { columns: ["title"], distance: 3 } },
  { nearDuplicates: { columns: ["x"], distance: 0 } },
  { nearDuplicates: { columns: ["x"], distance: 0.5 } },
  { nearDuplicates: { columns: ["x", "title"], distance: 1.5 } },
  { nearDuplicates: { columns: ["title", "x"], distance: 1 } },
  { atMost: { column: "user", rows: 2 } },
  { rows: 40, stratified: "country" },
  { rows: 5, stratified: "country" },
  {
    distinct: true,
    nearDuplicates: { columns: ["title"], distance: 1 },
    atMost: { column: "country", rows: 30 },
    rows: 12,
  },
  { atMost: { column: "user", rows: 3 }, rows: 33, stratified: "country" },
];

test.each([1, 2])("every sample of rows of seed %i is what its definition says", async (seed) => {
  const rows = randomRows(160, seed);
  await opened(await file(csvOf(rows)), { key: "id" }, async (source) => {
    const training = new Set(ids(await draw(source, VISIBLE)));
    const before = rows.filter(({ id }) => training.has(Number(id)));
    for (const spec of specs) {
      // With the key, no rows are equal.
      const columns = spec.distinct ? ["x", "title"] : VISIBLE;
      const wanted = sampleByDefinition(before, spec, ({ id }) => String(id), columns);
      const drawn = await draw(source, columns, spec);
      expect(drawn.sample).toEqual({ spec, before: before.length, removed: wanted.removed });
      expect(numbers(drawn, "x")).toEqual(wanted.rows.map(({ x }) => x));
      if (columns.includes("id")) expect(ids(drawn)).toEqual(wanted.rows.map(({ id }) => id));
      // If nothing is removed, the rows have the same bits as without a sample.
      if (drawn.table.rows === before.length) expect(drawn.fingerprint).toBe((await draw(source, columns)).fingerprint);
    }
  });
});

test("a smaller sample is a part of a larger one, and each value keeps its share", async () => {
  const rows = randomRows(600, 3);
  await opened(await file(csvOf(rows)), { key: "id" }, async (source) => {
    const training = ids(await draw(source, ["id"]));
    const countryAt = (id: number) => String(rows[id]?.country);
    const shares = new Map<string, number>();
    for (const id of training) shares.set(countryAt(id), (shares.get(countryAt(id)) ?? 0) + 1 / training.length);
    for (const stratified of [undefined, "country"]) {
      let larger = new Set(training);
      for (const count of [300, 100, 99, 98, 30, 29, 7]) {
        const sample = stratified === undefined ? { rows: count } : { rows: count, stratified };
        const drawn = ids(await draw(source, ["id"], sample));
        expect(drawn).toHaveLength(count);
        expect(drawn.filter((id) => !larger.has(id))).toEqual([]);
        larger = new Set(drawn);
        if (stratified === undefined) continue;
        for (const [country, share] of shares) {
          const has = drawn.filter((id) => countryAt(id) === country).length;
          expect(has).toBeGreaterThanOrEqual(Math.max(1, Math.floor(share * count) - shares.size));
          expect(has).toBeLessThanOrEqual(Math.ceil(share * count) + 1);
        }
      }
    }
  });
});

test("with a key, the order of the file does not matter; without one, the row number counts", async () => {
  const rows = randomRows(200, 4);
  const backwards = [...rows].reverse();
  const spec: RowSample = {
    nearDuplicates: { columns: ["title"], distance: 2 },
    atMost: { column: "user", rows: 1 },
    rows: 60,
  };
  const drawnOf = async (of: readonly OracleRow[], over: { key?: string }) =>
    opened(await file(csvOf(of)), over, async (source) => ids(await draw(source, VISIBLE, spec)).sort((a, b) => a - b));
  expect(await drawnOf(backwards, { key: "id" })).toEqual(await drawnOf(rows, { key: "id" }));
  expect(await drawnOf(backwards, {})).not.toEqual(await drawnOf(rows, {}));
  await opened(await file(csvOf(rows)), {}, async (source) => {
    const training = new Set(ids(await draw(source, ["id"])));
    const before = rows.filter(({ id }) => training.has(Number(id)));
    const wanted = sampleByDefinition(before, spec, ({ id }) => String(Number(id) + 1), VISIBLE);
    expect(ids(await draw(source, VISIBLE, spec))).toEqual(wanted.rows.map(({ id }) => id));
  });
});

test("rows with the same key are told apart by their values, whatever their order", async () => {
  const rows = randomRows(200, 5).map((row) => ({ ...row, key: Number(row.id) % 20 }));
  const drawnOf = async (of: readonly OracleRow[], over: object) =>
    opened(await file(csvOf(of)), over, async (source) =>
      ids(await draw(source, VISIBLE, { rows: 50 })).sort((a, b) => a - b),
    );
  const backwards = [...rows].reverse();
  expect(await drawnOf(backwards, { key: "key" })).toEqual(await drawnOf(rows, { key: "key" }));
  // A query that sorts has no row numbers.
  const query = (order: string) => ({ query: `SELECT * FROM source ORDER BY ${order}`, group: ["user"] });
  expect(await drawnOf(rows, query("id"))).toEqual(await drawnOf(rows, query("x, id DESC")));
});

test("the held-out and the audited rows are the same bits with any sample", async () => {
  await opened(await file(csvOf(randomRows(240, 6))), { key: "id" }, async (source) => {
    const heldOut = async () => {
      const [held, audit] = [await source.heldOutRows(VISIBLE), await source.auditRows(["id"], ["x"], 20)];
      return [held.fingerprint, held.table.rows, audit.fingerprint];
    };
    const before = await heldOut();
    const held = new Set(ids(await source.heldOutRows(VISIBLE)));
    for (const spec of specs.slice(-3)) {
      const drawn = await draw(source, VISIBLE, spec);
      expect(ids(drawn).filter((id) => held.has(id))).toEqual([]);
      expect(await heldOut()).toEqual(before);
    }
  });
});

test("a sample is drawn before its rows are divided into parts", async () => {
  const spec: RowSample = { atMost: { column: "user", rows: 2 }, rows: 90 };
  await opened(await file(csvOf(randomRows(240, 7))), { key: "id" }, async (source) => {
    const part = async (side: "fit" | "validation") =>
      ids(await source.trainingRows(VISIBLE, { part: { side, share: 0.3 }, sample: spec }));
    const [fit, validation] = [await part("fit"), await part("validation")];
    expect(validation.length).toBeGreaterThan(10);
    expect([...fit, ...validation].sort((a, b) => a - b)).toEqual(ids(await draw(source, VISIBLE, spec)));
  });
});

test("bad rows are counted among all training rows, and are never part of a sample", async () => {
  const lines = Array.from(
    { length: 400 },
    (_, id) => `${id},${id % 40 === 1 ? "n/a" : id},${id % 50 === 7 ? "" : "de"}`,
  );
  const csv = await file(`id,x,country\n${lines.join("\n")}\n`);
  await opened(csv, { key: "id", maxBadFraction: 0.05 }, async (source) => {
    const all = await draw(source, ["id", "x"]);
    const drawn = await draw(source, ["id", "x"], { rows: 20, stratified: "country" });
    expect(drawn.bad).toEqual(all.bad);
    expect(drawn.bad.bad).toBeGreaterThan(0);
    expect(drawn.table.rows).toBe(20);
    expect(drawn.sample?.before).toBe(all.table.rows);
    // A missing value is a value of its own.
    expect(ids(drawn).filter((id) => id % 50 === 7).length).toBeGreaterThan(0);
  });
});

test("malformed lines count as well", async () => {
  const lines = Array.from({ length: 200 }, (_, id) => (id === 150 ? "150,1,2,3,4" : `${id},${id}`));
  await opened(await file(`id,x\n${lines.join("\n")}\n`), { key: "id", maxBadFraction: 0.1 }, async (source) => {
    expect((await draw(source, ["id", "x"], { rows: 10 })).bad).toEqual((await draw(source, ["id", "x"])).bad);
  });
});

test("a split by time keeps its boundary", async () => {
  const lines = Array.from({ length: 300 }, (_, id) => `${id},${86_400 * id}`);
  const time = { column: "t", heldOut: { seconds: 86_400 * 60 }, gapSeconds: 0 };
  await opened(await file(`id,t\n${lines.join("\n")}\n`), { key: "id", time }, async (source) => {
    const drawn = await draw(source, ["id"], { rows: 30 });
    expect(drawn.boundary).toBe((await draw(source, ["id"])).boundary);
    expect(Math.max(...ids(drawn))).toBeLessThan(240);
  });
});

test("what cannot be drawn is one clear error", async () => {
  await opened(await file(csvOf(randomRows(240, 8))), { key: "id" }, async (source) => {
    expect(await failureOf(draw(source, VISIBLE, { rows: 3, stratified: "user" }))).toMatch(
      /^failed-precondition: sample\.by: "user" has \d+ values, more than sample\.rows \(3\), of which each value keeps at least one$/,
    );
  });
});

test("a sample has the same bits where its rows exceed their share of memory", async () => {
  const names = Array.from({ length: 60 }, (_, i) => `x${i}`);
  const random = createRandom(9, "wide");
  const lines = randomRows(600, 9).map(({ id, title, user }) =>
    [id, title, user, ...names.map(() => random.uniform())].join(","),
  );
  const path = await file(`id,title,user,${names.join(",")}\n${lines.join("\n")}\n`);
  const columns = ["id", "title", ...names];
  const spec: RowSample = {
    nearDuplicates: { columns: ["title"], distance: 1 },
    atMost: { column: "user", rows: 4 },
    rows: 250,
  };
  await opened(path, { key: "id" }, async (source) => {
    const inMemory = await draw(source, columns, spec);
    const space = await openSpillSpace(join(pathOf("spill")), 20_000, { pid: process.pid, isAlive: () => true });
    const { table, ...stored } = await source.storedTrainingRows(columns, space, { sample: spec });
    expect(isSpilled(table)).toBe(true);
    expect(inMemory.sample?.removed.nearDuplicates).toBeGreaterThan(0);
    expect({ ...stored, table: await loadTable(table) }).toEqual(inMemory);
  });
});

test("near duplicates that exceed their share of memory are refused, with the rows that it is enough for", async () => {
  const path = await file(csvOf(randomRows(240, 8)));
  await opened(path, { key: "id" }, async (source) => {
    const near = async (columns: readonly string[], distance: number, tableBytes: number) => {
      const space = await openSpillSpace(join(pathOf("spill")), tableBytes, { pid: process.pid, isAlive: () => true });
      return source.storedTrainingRows(VISIBLE, space, { sample: { nearDuplicates: { columns, distance } } });
    };
    expect(await failureOf(near(["id", "title"], 2, 2500))).toBe(
      "failed-precondition: sample.near_duplicates: comparing 172 rows takes 1 MiB, more than their share of --memory-limit (1 MiB, for about 115 such rows); raise the limit, choose a smaller distance, or remove it from sample",
    );
    // Far apart, every text has as many segments as its distance.
    expect(await failureOf(near(["title"], 1e12, 2 ** 29))).toMatch(/takes [\d,]+ MiB, more than .* \(1,024 MiB, /);
    await near(["id", "title"], 2, 10_000);
  });
});
