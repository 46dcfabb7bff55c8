import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { processTableOf } from "../../../../services/common/files/folder-lock.ts";
import { openDataSource } from "../../../../services/data/open-data-source.ts";
import { openSpillSpace } from "../../../../services/data/spill/spill-folder.ts";
import type { Pipeline } from "../../../../services/pipeline/pipeline.ts";
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
      const training = createTrainingData(pipeline, "u", { source, generations, openSpace, log: silentLog });
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
