import { mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, onTestFinished, test } from "vitest";
import { processTableOf } from "../../../../services/common/files/folder-lock.ts";
import { openDataSource } from "../../../../services/data/open-data-source.ts";
import { openSpillSpace } from "../../../../services/data/spill/spill-folder.ts";
import { isSpilled } from "../../../../services/data/spill/stored-table.ts";
import type { Pipeline } from "../../../../services/pipeline/pipeline.ts";
import type { RowSample } from "../../../../services/pipeline/sample.ts";
import { createTrainingData } from "../../../../services/trainer/runs/training-data.ts";
import { generation } from "../../../helpers/drafts.ts";
import { twoComponents } from "../../../helpers/linear-pipelines.ts";
import { silentLog } from "../../../helpers/log.ts";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "training-data-test-"));
});
afterAll(() => rm(folder, { recursive: true }));

test("a trainer with newer rows than the evaluator does not train on what is held out", async () => {
  const days = Array.from({ length: 28 }, (_, i) => `2026-02-${String(i + 1).padStart(2, "0")}`);
  const lines = days.flatMap((day, i) => Array<string>(5).fill(`${day},${i},${i},${i}`));
  await writeFile(join(folder, "rows.csv"), `day,x,z,y\n${lines.join("\n")}\n`);
  const time = { column: "day", heldOut: { seconds: 7 * 86_400 }, gapSeconds: 86_400 };
  const data: Pipeline["data"] = { source: "file", path: "rows.csv", maxBadFraction: 0, time };
  const pipeline: Pipeline = { ...twoComponents, data };
  const source = await openDataSource(data, folder);
  try {
    const load = async (heldOutAfter?: string) => {
      const current = heldOutAfter === undefined ? undefined : generation(1, { heldOutAfter });
      const generations = { current: async () => current };
      const openSpace = () => openSpillSpace(join(folder, "spill"), 1e9, processTableOf(process, "here"));
      const training = createTrainingData(pipeline, "u", {
        ...{ source, generations, openSpace, keepsRows: true, log: silentLog },
      });
      return training.use(new AbortController().signal, ({ training: { table, boundary } }) => [table.rows, boundary]);
    };
    // Held out are 22 to 28, and 21 lies in the gap.
    expect(await load()).toEqual([100, "2026-02-20T00:00:00.000Z"]);
    expect(await load("2026-02-11T00:00:00.000Z")).toEqual([50, "2026-02-10T00:00:00.000Z"]);
    // This trainer's own rows are older.
    expect(await load("2026-03-11T00:00:00.000Z")).toEqual([100, "2026-02-20T00:00:00.000Z"]);
  } finally {
    await source.close();
  }
});

const csvOf = (x: (i: number) => string | number) =>
  `id,x,z,y\n${Array.from({ length: 60 }, (_, i) => `${i},${x(i)},${i},${i}`).join("\n")}\n`;

/** A trainer's data over files, with the number of times that its rows were read. */
async function overFiles(
  path: string,
  over: { readonly query?: string; readonly tableBytes?: number; readonly keepsRows?: boolean } = {},
) {
  const { query, tableBytes = 1e9, keepsRows = true } = over;
  const data: Pipeline["data"] = {
    ...{ source: "file", path, key: "id", maxBadFraction: 0.1, testFraction: 0.25 },
    ...(query !== undefined && { query }),
  };
  const source = await openDataSource(data, folder);
  onTestFinished(() => source.close());
  let reads = 0;
  const training = createTrainingData({ ...twoComponents, data }, "u", {
    source: {
      ...source,
      storedTrainingRows(...args) {
        reads++;
        return source.storedTrainingRows(...args);
      },
    },
    generations: { current: async () => undefined },
    openSpace: () => openSpillSpace(join(folder, "spill"), tableBytes, processTableOf(process, "here")),
    ...{ keepsRows, log: silentLog },
  });
  const { signal } = new AbortController();
  return {
    reads: () => reads,
    fingerprint: (sample?: RowSample) => training.use(signal, ({ training: rows }) => rows.fingerprint, { sample }),
    check: (sample?: RowSample) => training.check(signal, sample),
    shape: (trainings: number) =>
      training.use(
        signal,
        ({ training: { table } }) => ({
          bytes: 4 * table.rows * Object.keys(table.columns).length,
          spilled: isSpilled(table),
        }),
        {},
        trainings,
      ),
  };
}

test("rows of files are read again once the files have changed, and not before", async () => {
  await mkdir(join(folder, "rows"));
  for (const [path, file] of [
    ["kept.csv", "kept.csv"],
    ["rows/", "rows/a.csv"],
  ] as const) {
    await writeFile(
      join(folder, file),
      csvOf((i) => i % 10),
    );
    const data = await overFiles(path);
    const first = await data.fingerprint();
    expect([await data.fingerprint(), data.reads()]).toEqual([first, 1]);
    const sampled = await data.fingerprint({ rows: 5 });
    expect(sampled).not.toBe(first);
    expect([await data.fingerprint(), data.reads()]).toEqual([first, 3]);
    // The same size, and at once.
    await writeFile(
      join(folder, file),
      csvOf((i) => (i + 1) % 10),
    );
    const changed = await data.fingerprint();
    expect(changed).not.toBe(first);
    expect([await data.fingerprint(), data.reads()]).toEqual([changed, 4]);
  }
});

test("rows that a query chooses, that are spilled, or whose memory others need are read for every run", async () => {
  await writeFile(
    join(folder, "always.csv"),
    csvOf((i) => i),
  );
  for (const over of [{ query: "SELECT * FROM source" }, { tableBytes: 0 }, { keepsRows: false }]) {
    const data = await overFiles("always.csv", over);
    const first = await data.fingerprint();
    expect([await data.fingerprint(), data.reads()]).toEqual([first, 2]);
  }
});

test("trainings at a time divide the memory of the rows", async () => {
  await writeFile(
    join(folder, "divided.csv"),
    csvOf((i) => i),
  );
  const { bytes } = await (await overFiles("divided.csv")).shape(1);
  const data = await overFiles("divided.csv", { tableBytes: bytes, keepsRows: false });
  expect(await data.shape(1)).toEqual({ bytes, spilled: false });
  expect(await data.shape(2)).toEqual({ bytes, spilled: true });
});

test("a check says what a run would, and holds no rows", async () => {
  const good = csvOf((i) => i);
  await writeFile(join(folder, "checked.csv"), good);
  const data = await overFiles("checked.csv", { tableBytes: 0 });
  await data.check();
  await data.check({ atMost: { column: "x", rows: 1 } });
  const failure = async (action: Promise<unknown>) => {
    const error = await action.then(
      () => undefined,
      (thrown: unknown) => thrown,
    );
    expect(error).toMatchObject({ code: "failed-precondition" });
    return (error as Error).message;
  };
  const tooFew: RowSample = { rows: 3, stratified: "x" };
  const spilled = await readdir(join(folder, "spill"));
  expect(await failure(data.check(tooFew))).toMatch(/^sample\.by: "x" has \d+ values/);
  await writeFile(
    join(folder, "checked.csv"),
    csvOf((i) => (i % 3 === 0 ? "" : i)),
  );
  const message = await failure(data.check());
  expect(message).toMatch(/training rows \(\d+ %\) are bad.*column x: missing/);
  expect([data.reads(), await readdir(join(folder, "spill"))]).toEqual([0, spilled]);
  expect(await failure(data.fingerprint())).toBe(message);
});
