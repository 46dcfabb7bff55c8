import { afterEach, beforeEach, expect, test } from "vitest";
import { createVirtualClock } from "../../../services/common/clock/virtual-clock.ts";
import { createPipelineGate, type PipelineGate } from "../../../services/composition/pipeline-gate.ts";
import type { Pipeline } from "../../../services/pipeline/pipeline.ts";
import { contentOf, digestOf } from "../../../services/pipeline/pipeline-content.ts";
import type { Backplane } from "../../../services/registry/backplane.ts";
import { createMemoryBackplane } from "../../../services/registry/memory/backplane.ts";
import { twoComponents } from "../../helpers/linear-pipelines.ts";

const own = contentOf(twoComponents);
const other: Pipeline = { ...twoComponents, objective: "u" };
let backplane: Backplane;
let gate: PipelineGate;
let leaving: AbortController;
beforeEach(() => {
  const clock = createVirtualClock();
  backplane = createMemoryBackplane("demo", { clock });
  leaving = new AbortController();
  gate = createPipelineGate(twoComponents, "/etc/demo.yaml", {
    pipelines: backplane.pipelines,
    clock,
    onError: () => {},
  });
});
afterEach(async () => {
  leaving.abort();
  await backplane.close();
});

test("where nothing was applied, every file is accepted", async () => {
  expect(await gate.confirm()).toBeUndefined();
  expect(gate.applied()).toBeNull();
});

test("a refusal says which file this process has and which one is wanted", async () => {
  const { digest } = await backplane.pipelines.apply(contentOf(other), null, "ann");
  const refusal = await gate.confirm();
  expect(refusal).toContain(`/etc/demo.yaml is ${gate.digest.slice(0, 12)}`);
  expect(refusal).toContain(`pipeline demo is at ${digest.slice(0, 12)} (applied by ann`);
  expect(gate.applied()).toBe(digest);
});

test("closes when another file is applied, and opens when its own is applied again", async () => {
  const states: boolean[] = [];
  const following = gate.follow(leaving.signal, () => states.push(gate.refusal() === undefined));
  await backplane.pipelines.apply(own, null, "ann");
  await backplane.pipelines.apply(contentOf(other), digestOf(own), "ann");
  await gate.closes(leaving.signal);
  await backplane.pipelines.apply(own, digestOf(contentOf(other)), "ann");
  await gate.opens(leaving.signal);
  expect(states).toEqual([true, false, true]);
  leaving.abort();
  await following;
});

test("the history that is read while following changes nothing after a newer look", async () => {
  await backplane.pipelines.apply(contentOf(other), null, "ann");
  await backplane.pipelines.apply(own, digestOf(contentOf(other)), "ann");
  await gate.confirm();
  let changes = 0;
  void gate.follow(leaving.signal, () => changes++);
  await gate.opens(leaving.signal);
  await backplane.pipelines.apply(contentOf(other), digestOf(own), "ann");
  await gate.closes(leaving.signal);
  expect(changes).toBe(1);
});
