import { afterEach, beforeEach, expect, test } from "vitest";
import type { Pipeline } from "../../../services/pipeline/pipeline.ts";
import { contentOf, digestOf } from "../../../services/pipeline/pipeline-content.ts";
import type { Backplane } from "../../../services/registry/backplane.ts";
import { draft } from "../../helpers/drafts.ts";
import { drive } from "../../helpers/drive.ts";
import { component, linearBytes, twoComponents } from "../../helpers/linear-pipelines.ts";
import { type MemoryEvaluators, openMemoryEvaluators } from "../../helpers/memory-evaluators.ts";

const extra = component({ name: "extra", columns: ["x"], target: "z" });
const wider: Pipeline = { ...twoComponents, components: [...twoComponents.components, extra] };
const [old, now] = [twoComponents, wider].map((pipeline) => digestOf(contentOf(pipeline))) as [string, string];
let world: MemoryEvaluators;
beforeEach(() => {
  world = openMemoryEvaluators();
});
afterEach(() => world.close());

test("verdicts carry the digest of the pipeline file", async () => {
  world.start();
  await world.publish("u", { x: 1 });
  const { verdicts } = await world.settled(1);
  expect(verdicts[0]).toMatchObject({ pipelineDigest: old });
});

test("an evaluator with another file judges nothing, until its file is applied", async () => {
  await world.backplane.pipelines.apply(contentOf(wider), null, "ann");
  const { evaluator } = world.start();
  await drive(
    world.clock,
    (async () => {
      while ((await evaluator.status()).appliedDigest === null) await world.clock.sleep(10);
    })(),
  );
  await world.publish("u", { x: 1 });
  await drive(world.clock, world.clock.sleep(60_000));
  expect(await world.backplane.verdicts.list()).toEqual([]);
  expect(await evaluator.status()).toMatchObject({ pipelineDigest: old, appliedDigest: now, pending: 1 });
  await world.backplane.pipelines.apply(contentOf(twoComponents), now, "ann");
  expect((await world.settled(1)).verdicts).toHaveLength(1);
});

test("a snapshot of a new component is left to an evaluator that has the new file", async () => {
  // The first evaluator does not learn of the file that was applied, except by asking.
  const deaf: Backplane = {
    ...world.backplane,
    pipelines: { ...world.backplane.pipelines, watch: async function* () {} },
  };
  world.start({ name: "old" }, deaf);
  await world.backplane.pipelines.apply(contentOf(wider), null, "ann");
  const manifest = draft({ component: "extra", pipelineDigest: now });
  const contract = {
    inputs: [{ name: "x", kind: "numeric", width: 1 }],
    output: { name: "extra-out", kind: "numeric", width: 1 },
  } as const;
  await world.backplane.registry.publish({ ...manifest, contract }, linearBytes({ weights: { x: 1 } }), "any");
  await drive(world.clock, world.clock.sleep(10_000));
  expect(await world.backplane.quarantines.list()).toEqual([]);
  world.start({ name: "new", pipeline: wider });
  const { verdicts, quarantines } = await world.settled(1);
  expect(quarantines).toEqual([]);
  expect(verdicts[0]).toMatchObject({ component: "extra", evaluator: "new", pipelineDigest: now });
});
