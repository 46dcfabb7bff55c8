import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { UncoupleError } from "../../../../services/common/errors.ts";
import { processTableOf } from "../../../../services/common/files/folder-lock.ts";
import { openSpillSpace } from "../../../../services/data/spill/spill-folder.ts";
import { isSpilled, loadTable, type StoredTable } from "../../../../services/data/spill/stored-table.ts";
import { createSyntheticSource } from "../../../../services/data/synthetic/synthetic-source.ts";
import { parsePipelineFile } from "../../../../services/pipeline/files/pipeline-file.ts";
import type { SyntheticSource } from "../../../../services/pipeline/pipeline.ts";
import { createTrainingData } from "../../../../services/trainer/runs/training-data.ts";
import { withStudyMaterial } from "../../../../services/trainer/studies/study-material.ts";
import { localInference } from "../../../helpers/local-inference.ts";
import { silentLog } from "../../../helpers/log.ts";
import { twoStageComponents, twoStageData } from "../../../helpers/trainer-world.ts";

const parsed = parsePipelineFile(`pipeline: p\ndata: ${twoStageData}\ncomponents:${twoStageComponents}`, "p.yaml");
if ("problems" in parsed) throw new TypeError("the pipeline file of the test is invalid");
const { pipeline } = parsed;
const nothingToLoad = async (): Promise<never> => {
  throw new UncoupleError("internal", "m1 has no upstream");
};

test.each([
  ["memory", 1e9],
  ["files", 0],
])(
  "what trials share comes from a source that refuses held-out rows, and divides the training rows in %s",
  async (_, tableBytes) => {
    const real = createSyntheticSource(pipeline.data as SyntheticSource);
    const asked: string[] = [];
    const source = {
      ...real,
      async heldOutRows(): Promise<never> {
        asked.push("held-out");
        throw new UncoupleError("internal", "held-out rows were read");
      },
    };
    const folder = await mkdtemp(join(tmpdir(), "uncouple-material-"));
    onTestFinished(() => rm(folder, { recursive: true }));
    const data = createTrainingData(pipeline, "m1", {
      source,
      generations: { current: async () => undefined },
      openSpace: () => openSpillSpace(folder, tableBytes, processTableOf(process, "here")),
      keepsRows: true,
      log: silentLog,
    });
    const { signal } = new AbortController();
    const deps = { pipeline, component: "m1", data, inference: localInference(nothingToLoad), load: nothingToLoad };
    const all = (await real.trainingRows(["x1", "z"])).table;
    const firsts = async (stored: StoredTable) => {
      const { columns, rows } = await loadTable(stored);
      const { values, width } = columns.x1 as { values: Float32Array; width: number };
      return Array.from({ length: rows }, (_, row) => values[row * width]);
    };
    await withStudyMaterial(
      { upstream: {}, parent: null },
      { share: 0.2, parallel: 2 },
      deps,
      signal,
      async (material) => {
        expect(asked).toEqual([]);
        expect(material.rows.fit + material.rows.validation).toBe(all.rows);
        expect(isSpilled(material.data.training.table)).toBe(tableBytes === 0);
        // No row is on both sides.
        const part = { side: "validation", share: 0.2 } as const;
        const validation = await data.use(signal, ({ training }) => firsts(training.table), { part });
        const fit = new Set(await firsts(material.data.training.table));
        expect(validation.filter((value) => fit.has(value))).toEqual([]);
        expect(validation).toHaveLength(material.rows.validation);
      },
    );
    expect(await readdir(folder)).toEqual([]);
  },
);
