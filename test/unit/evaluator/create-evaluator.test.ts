import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { systemClock } from "../../../services/common/clock/system-clock.ts";
import { UncoupleError } from "../../../services/common/errors.ts";
import { createPipelineGate } from "../../../services/composition/pipeline-gate.ts";
import { createEvaluator } from "../../../services/evaluator/create-evaluator.ts";
import { createHeldOutParts } from "../../../services/evaluator/held-out-parts.ts";
import type { Backplane } from "../../../services/registry/backplane.ts";
import { createMetrics } from "../../../services/runtime/metrics.ts";
import { loadLinear, schemaOf, tableOf, twoComponents } from "../../helpers/linear-pipelines.ts";
import { localInference } from "../../helpers/local-inference.ts";
import { recordingLog } from "../../helpers/log.ts";
import { good, type MemoryEvaluators, openMemoryEvaluators, rows } from "../../helpers/memory-evaluators.ts";

let world: MemoryEvaluators;
beforeEach(() => {
  world = openMemoryEvaluators();
});
afterEach(() => world.close());

describe("current snapshots", () => {
  test("status reports the current snapshots and their loss, and metrics the newest losses", async () => {
    const { evaluator, metrics } = world.start();
    expect(await evaluator.status()).toMatchObject({ current: {}, loss: null, pending: 0, state: "idle", rows });
    await world.publish("u", { x: 1 });
    await world.publish("d", good);
    await world.publish("u", { x: 2 });
    await world.settled(3);
    const status = await evaluator.status();
    expect(status).toMatchObject({ pipeline: "demo", evaluator: "e1", current: { u: 2, d: 1 } });
    expect(status.loss).toBeCloseTo(2e-4, 5);
    const text = await metrics.text();
    expect(text).toMatch(/uncouple_pipeline_loss\{component="u",role="current",.*\} 0\.335/);
    expect(text).toMatch(/uncouple_pipeline_loss\{component="u",role="candidate",.*\} 0\.0002/);
    expect(text).toMatch(/uncouple_component_loss\{component="u",role="candidate",.*\} 0\b/);
    expect(text).toMatch(/uncouple_announcements_pending\{.*\} 0/);
  });

  test("a restarted evaluator reports the same matrix and the same newest losses", async () => {
    const before = world.start();
    await world.publish("u", { x: 1 });
    await world.publish("d", good);
    await world.publish("u", { x: 2 });
    await world.publish("d", { x: 0, "u-out": 1.5 });
    await world.settled(4);
    const matrices = await before.evaluator.matrices();
    await before.evaluator.stop();
    const after = world.start({ name: "e2" });
    await expect.poll(() => after.evaluator.matrices()).toEqual(matrices);
    expect(matrices[0]?.cells).toHaveLength(4);
    expect(await after.metrics.text()).toMatch(/uncouple_pipeline_loss\{component="d",role="candidate",.*\} 0\.0/);
  });
});

test("stop is idempotent, takes no further announcements, and leaves them to other evaluators", async () => {
  const { evaluator } = world.start();
  await world.publish("u", { x: 1 });
  await world.settled(1);
  await Promise.all([evaluator.stop(), evaluator.stop()]);
  await world.publish("d", good);
  world.start({ name: "e2" });
  const { verdicts } = await world.settled(2);
  expect(verdicts.map(({ evaluator: by }) => by)).toEqual(["e1", "e2"]);
});

test("a forced stop aborts reading a snapshot during an outage", async () => {
  let reading = () => {};
  const begun = new Promise<void>((resolve) => {
    reading = resolve;
  });
  const away: Backplane = {
    ...world.backplane,
    registry: {
      ...world.backplane.registry,
      bytes: (_, signal) =>
        new Promise((_resolve, reject) => {
          signal?.addEventListener("abort", () => reject(signal.reason));
          reading();
        }),
    },
  };
  const { evaluator } = world.start({}, away);
  await world.publish("u", { x: 1 });
  await begun;
  await evaluator.stop(AbortSignal.abort(new UncoupleError("cancelled", "the grace period is over")));
  expect(await world.backplane.quarantines.list()).toEqual([]);
});

test("too few held-out rows are rejected", () => {
  const few = tableOf({ x: [1, 2], z: [1, 2], y: [1, 2] });
  const { log } = recordingLog();
  expect(() =>
    createEvaluator(
      { name: "e", pipeline: twoComponents, retained: 8, maxModelBytes: 1, outputCacheBytes: 1 },
      {
        backplane: world.backplane,
        gate: createPipelineGate(twoComponents, "demo.yaml", {
          pipelines: world.backplane.pipelines,
          clock: systemClock,
          onError: () => {},
        }),
        schema: schemaOf(few),
        heldOut: createHeldOutParts(twoComponents, { table: few, labels: {} }, undefined),
        fingerprint: "few",
        inference: localInference(loadLinear),
        clock: systemClock,
        log,
        metrics: createMetrics({ service: "evaluator", version: "0" }),
        onLost: () => {},
      },
    ),
  ).toThrow(/2 held-out rows: comparing snapshots needs at least 30/);
});
