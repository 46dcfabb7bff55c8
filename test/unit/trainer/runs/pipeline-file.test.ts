import { afterEach, beforeEach, expect, test } from "vitest";
import { contentOf, digestOf } from "../../../../services/pipeline/pipeline-content.ts";
import {
  benchPipeline,
  ended,
  fakeTraining,
  gate,
  openTrainerBench,
  request,
  type TrainerBench,
  until,
} from "../../../helpers/trainer-bench.ts";

const own = contentOf(benchPipeline);
const other = contentOf({ ...benchPipeline, objective: "m1" });
let bench: TrainerBench;
beforeEach(async () => {
  bench = await openTrainerBench();
  await bench.publish("m1");
});
afterEach(() => bench.close());

test("manifests carry the digest of the pipeline file", async () => {
  const queue = await bench.queue(fakeTraining().train);
  await ended(queue, (await queue.submit(request())).id);
  expect(await bench.backplane.registry.manifest("m2", 1)).toMatchObject({ pipelineDigest: digestOf(own) });
});

test("while another file is in force, a run waits and says for what; it starts when its file is applied", async () => {
  await bench.backplane.pipelines.apply(other, null, "ann");
  await bench.pipelineGate.closes(new AbortController().signal);
  const { train, trainings } = fakeTraining();
  const queue = await bench.queue(train);
  const { id } = await queue.submit(request());
  const waiting = await until(queue, id, ({ state }) => state === "waiting");
  expect(waiting.waitingFor).toMatch(/^this trainer's pipeline file: demo.yaml is [0-9a-f]{12}, .* \(applied by ann, /);
  expect(trainings).toEqual([]);
  await bench.backplane.pipelines.apply(own, digestOf(other), "ann");
  expect(await ended(queue, id)).toMatchObject({ state: "succeeded", waitingFor: null });
});

test.each(["async", "sync"])(
  "a run that was training (%s) when another file was applied keeps its steps and publishes nothing until then",
  async (protocol) => {
    const half = gate();
    const go = gate();
    const { train } = fakeTraining(async (at) => {
      if (at === 2) half.open();
      if (at >= 2) await go.passed;
    });
    const queue = await bench.queue(train);
    const { id } = await queue.submit(request({ protocol: { name: protocol, parameters: {} } }));
    await half.passed;
    await bench.backplane.pipelines.apply(other, null, "ann");
    await bench.pipelineGate.closes(new AbortController().signal);
    go.open();
    await until(
      queue,
      id,
      ({ state, waitingFor }) => state === "waiting" && waitingFor?.includes("pipeline file") === true,
    );
    expect(await bench.backplane.registry.latest("m2")).toBeUndefined();
    // A trainer that waits holds no lease: one with the right file can train.
    expect(await bench.backplane.leases.holder("train")).toBeUndefined();
    await bench.backplane.pipelines.apply(own, digestOf(other), "ann");
    expect(await ended(queue, id)).toMatchObject({ state: "succeeded", snapshot: 1 });
    // The bytes are the numbers of all completed steps: none is missing or repeated.
    expect([...(await bench.bytesOf(1))]).toEqual([1, 2, 3, 4, 5]);
  },
);

test("a run that waits for its file can be cancelled", async () => {
  await bench.backplane.pipelines.apply(other, null, "ann");
  await bench.pipelineGate.closes(new AbortController().signal);
  const queue = await bench.queue(fakeTraining().train);
  const { id } = await queue.submit(request());
  await until(queue, id, ({ state }) => state === "waiting");
  await queue.cancel(id);
  expect(await ended(queue, id)).toMatchObject({ state: "cancelled" });
});
