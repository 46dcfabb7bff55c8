import { afterEach, beforeEach, expect, test } from "vitest";
import { createVirtualClock } from "../../../services/common/clock/virtual-clock.ts";
import type { Pipeline } from "../../../services/pipeline/pipeline.ts";
import { contentOf, digestOf } from "../../../services/pipeline/pipeline-content.ts";
import { applyPlan, planApply } from "../../../services/registry/apply-pipeline.ts";
import type { Backplane } from "../../../services/registry/backplane.ts";
import { createMemoryBackplane } from "../../../services/registry/memory/backplane.ts";
import type { PipelineLog } from "../../../services/registry/pipeline-log.ts";
import { component, twoComponents } from "../../helpers/linear-pipelines.ts";

const wider: Pipeline = { ...twoComponents, components: [...twoComponents.components, component({ name: "extra" })] };
const broken: Pipeline = { ...twoComponents, objective: "u" };
let backplane: Backplane;
let pipelines: PipelineLog;
beforeEach(() => {
  backplane = createMemoryBackplane("demo", { clock: createVirtualClock() });
  pipelines = backplane.pipelines;
});
afterEach(() => backplane.close());

const apply = async (pipeline: Pipeline, breaking = false) =>
  applyPlan(pipelines, pipeline, await planApply(pipelines, pipeline), { breaking, by: "ann" });
const digests = async () => (await pipelines.history()).map(({ value }) => value.digest);
const digest = (pipeline: Pipeline) => digestOf(contentOf(pipeline));

test("the first file, an additive change and the same file again", async () => {
  expect(await apply(twoComponents)).toBe(true);
  expect(await planApply(pipelines, wider)).toMatchObject({ previous: digest(twoComponents), class: "additive" });
  expect(await apply(wider)).toBe(true);
  expect(await apply(wider)).toBe(false);
  expect(await digests()).toEqual([twoComponents, wider].map(digest));
});

test("a breaking change is refused with its meaning, unless it is intended", async () => {
  await apply(twoComponents);
  await expect(apply(broken)).rejects.toMatchObject({
    code: "failed-precondition",
    message: expect.stringMatching(/was not applied: objective \(the pipeline loss is that of .*\); use --breaking/),
  });
  expect(await digests()).toEqual([digest(twoComponents)]);
  expect(await apply(broken, true)).toBe(true);
});

test("a plan that was overtaken by another file is a conflict, by the same file a success", async () => {
  await apply(twoComponents);
  const plan = await planApply(pipelines, wider);
  await apply(broken, true);
  const options = { breaking: false, by: "ben" };
  await expect(applyPlan(pipelines, wider, plan, options)).rejects.toMatchObject({
    code: "conflict",
    message: expect.stringContaining("somebody else applied one in between"),
  });
  expect(await digests()).toEqual([twoComponents, broken].map(digest));
  const again = await planApply(pipelines, wider);
  await apply(wider, true);
  expect(await applyPlan(pipelines, wider, again, { breaking: true, by: "ben" })).toBe(true);
  expect(await pipelines.history()).toHaveLength(3);
});
