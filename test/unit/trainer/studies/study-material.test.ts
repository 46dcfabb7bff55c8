import { expect, test } from "vitest";
import { UncoupleError } from "../../../../services/common/errors.ts";
import { createSyntheticSource } from "../../../../services/data/synthetic/synthetic-source.ts";
import { parsePipelineFile } from "../../../../services/pipeline/files/pipeline-file.ts";
import type { SyntheticSource } from "../../../../services/pipeline/pipeline.ts";
import { createTrainingData } from "../../../../services/trainer/runs/training-data.ts";
import { openStudyMaterial } from "../../../../services/trainer/studies/study-material.ts";
import { localInference } from "../../../helpers/local-inference.ts";
import { silentLog } from "../../../helpers/log.ts";
import { twoStageComponents, twoStageData } from "../../../helpers/trainer-world.ts";

const parsed = parsePipelineFile(`pipeline: p\ndata: ${twoStageData}\ncomponents:${twoStageComponents}`, "p.yaml");
if ("problems" in parsed) throw new TypeError("the pipeline file of the test is invalid");
const { pipeline } = parsed;
const nothingToLoad = async (): Promise<never> => {
  throw new UncoupleError("internal", "m1 has no upstream");
};

test("what trials share comes from a source that refuses held-out rows, and divides the training rows", async () => {
  const real = createSyntheticSource(pipeline.data as SyntheticSource);
  const asked: string[] = [];
  const source = {
    ...real,
    async heldOutRows(): Promise<never> {
      asked.push("held-out");
      throw new UncoupleError("internal", "held-out rows were read");
    },
  };
  const data = createTrainingData(source, pipeline, "m1", { current: async () => undefined }, silentLog);
  const material = await openStudyMaterial(
    { upstream: {}, parent: null },
    0.2,
    {
      pipeline,
      component: "m1",
      data,
      inference: localInference(nothingToLoad),
      load: nothingToLoad,
    },
    new AbortController().signal,
  );
  expect(asked).toEqual([]);
  const all = (await real.trainingRows(["x1", "z"])).table;
  expect(material.rows.fit + material.rows.validation).toBe(all.rows);
  // No row is on both sides.
  const validation = (await data.validation(0.2)).table;
  const firsts = (table: typeof all) => {
    const { values, width } = table.columns.x1 as { values: Float32Array; width: number };
    return Array.from({ length: table.rows }, (_, row) => values[row * width]);
  };
  const fit = new Set(firsts(material.data.training.table));
  expect(firsts(validation).filter((value) => fit.has(value))).toEqual([]);
  await material.dispose();
});
