import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, onTestFinished, test } from "vitest";
import { systemClock } from "../../services/common/clock/system-clock.ts";
import { createVirtualClock } from "../../services/common/clock/virtual-clock.ts";
import { createPipelineGate } from "../../services/composition/pipeline-gate.ts";
import { createWasmEngine } from "../../services/engine/wasm/wasm-engine.ts";
import { createEvaluator } from "../../services/evaluator/create-evaluator.ts";
import { createHeldOutParts } from "../../services/evaluator/held-out-parts.ts";
import { serveEvaluator } from "../../services/evaluator/serve-evaluator.ts";
import { loadSnapshotModel } from "../../services/learning/snapshot/load-snapshot-model.ts";
import type { Pipeline } from "../../services/pipeline/pipeline.ts";
import { createMemoryBackplane } from "../../services/registry/memory/backplane.ts";
import { createMetrics } from "../../services/runtime/metrics.ts";
import { effectsOfRun } from "../../services/simulator/calibrate/calibrate-truth.ts";
import type { StoredModel } from "../../services/simulator/models/model-store.ts";
import { parsePolicy } from "../../services/simulator/policies/all.ts";
import type { Policy } from "../../services/simulator/policies/policy.ts";
import { openSeedWorld } from "../../services/simulator/run/seed-world.ts";
import { simulatePolicy } from "../../services/simulator/run/simulate-policy.ts";
import { parseScenarioFile } from "../../services/simulator/scenario/scenario-file.ts";
import { cli } from "../helpers/cli.ts";
import { draft } from "../helpers/drafts.ts";
import { schemaOf } from "../helpers/linear-pipelines.ts";
import { localInference } from "../helpers/local-inference.ts";
import { silentLog } from "../helpers/log.ts";
import { serve } from "../helpers/rpc.ts";
import { scenarioOf } from "../helpers/scenarios.ts";

const DAY_MS = 86_400_000;
/** Of which the last one is read by no other. */
const PIPELINE = `pipeline: planted
data: { source: synthetic, generator: two-stage, seed: 1, rows: 2000, test_fraction: 0.5 }
components:
  m1: { columns: [x1], output: { name: z_m1, width: 3, meaning: real }, target: z, loss: mse }
  m2: { columns: [x2], upstream: [m1], output: { name: z_m2, width: 3, meaning: real }, target: z, loss: mse }
  m3: { columns: [x2], upstream: [m2], output: { name: z_m3, width: 1, meaning: scalar }, target: y, loss: mse }
`;
/** What calibration has to find: m1 updates every other day, m2 and m3 every fourth one. */
const planted = scenarioOf({
  scenario: "planted",
  teams: { m1: { every: 2 }, m2: { every: 4 }, m3: { every: 4 } },
  edges: { m2: ["m1"], m3: ["m2"] },
  truth: { coupling: 4, noise: 0.5 },
  cadence: { kind: "periodic", every: 4 },
  seeds: [7],
  ticks: 40,
});

let dir: string;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), "uncouple-calibrate-"));
  await writeFile(join(dir, "pipeline.yaml"), PIPELINE);
});
afterAll(() => rm(dir, { recursive: true, force: true }));

/** What the teams of the planted organization train, and when. */
async function plantedUpdates() {
  const engine = createWasmEngine({ clock: systemClock });
  const { signal } = new AbortController();
  const world = await openSeedWorld(planted, 7, engine, signal);
  const models = new Map<string, StoredModel>();
  const run = await simulatePolicy(world, parsePolicy("async") as Policy, {
    signal,
    onSnapshot: (component, serial, model) => models.set(`${component}@${serial}`, model),
  });
  const initial = planted.teams.map(({ name }) => ({ component: name, serial: 1, readyAt: 0 }));
  const updates = [...initial, ...run.snapshots.filter(({ fate }) => fate === "deployed")];
  return {
    pipeline: { ...world.stages[0].pipeline, audit: { heldOut: 500 } } satisfies Pipeline,
    heldOut: world.truth.rowsOf(0).heldOut,
    effects: effectsOfRun(planted, run),
    updates: updates.map(({ component, serial, readyAt }) => ({
      component,
      readyAt,
      model: models.get(`${component}@${serial}`) as StoredModel,
    })),
  };
}

/** What an evaluator says of updates over a real connection, each judged on the day on which it was ready. */
async function judgedUpdates({ pipeline, heldOut, updates }: Awaited<ReturnType<typeof plantedUpdates>>) {
  const virtual = createVirtualClock();
  let day = 0;
  const clock = { ...virtual, now: () => virtual.now() + day * DAY_MS };
  const backplane = createMemoryBackplane(pipeline.name, { clock });
  const { pipelines } = backplane;
  const gate = createPipelineGate(pipeline, "pipeline.yaml", { pipelines, clock, onError: () => {} });
  const leaving = new AbortController();
  void gate.follow(leaving.signal, () => {});
  const evaluator = createEvaluator(
    { name: "e1", pipeline, retained: 2, maxModelBytes: 1e6, outputCacheBytes: 1e8 },
    {
      backplane,
      gate,
      schema: schemaOf(heldOut),
      heldOut: createHeldOutParts(pipeline, { table: heldOut, labels: {} }, undefined),
      fingerprint: "planted",
      inference: localInference(loadSnapshotModel),
      clock,
      log: silentLog,
      metrics: createMetrics({ service: "evaluator", version: "0" }),
      onLost: () => {},
    },
  );
  evaluator.start();
  onTestFinished(async () => {
    await evaluator.stop();
    leaving.abort();
    await backplane.close();
  });
  const queue = backplane.workQueue("evaluator");
  for (const [at, { component, readyAt, model }] of updates.entries()) {
    day = readyAt;
    const { inputs, output } = model.contract;
    const announced = draft({ pipeline: pipeline.name, component, contract: { inputs, output } });
    await backplane.registry.publish(announced, model.bytes, "any");
    while ((await backplane.verdicts.list()).length <= at || (await queue.pending()) > 0) await virtual.advance(50);
  }
  return serve({ evaluator: serveEvaluator(evaluator, backplane) });
}

test("a scenario of an evaluator's verdicts has the cadence, the effects of updates and the truth that were planted", async () => {
  const organization = await plantedUpdates();
  const { address } = await judgedUpdates(organization);
  const args = ["simulate", "--calibrate", "--evaluator", address, "--pipeline", "pipeline.yaml", "--out", "org.yaml"];
  const { code, stdout } = await cli([...args, "--json"], { cwd: dir });
  expect(code).toBe(0);
  const { measured, ...figures } = JSON.parse(stdout);
  expect(figures).toMatchObject({ file: "org.yaml", verdicts: organization.updates.length, tick: "day" });
  // An evaluator judges as the simulator does; it annotates half of the rows.
  const { size, harmful, gap } = organization.effects;
  expect(measured).toMatchObject({ size, harmful });
  expect(Math.abs(measured.gap / (gap as number) - 1)).toBeLessThan(0.15);

  const text = await readFile(join(dir, "org.yaml"), "utf8");
  const parsed = parseScenarioFile(text, "org.yaml");
  if (!("scenario" in parsed)) throw new Error(JSON.stringify(parsed.problems));
  const { teams, cadence, truth, events } = parsed.scenario;
  expect(teams.map(({ name, reads }) => ({ name, reads }))).toEqual(
    planted.teams.map(({ name, reads }) => ({ name, reads })),
  );
  for (const [at, { every = 0 }] of teams.entries()) {
    expect(Math.abs(every / (planted.teams[at]?.every ?? 0) - 1)).toBeLessThan(0.15);
  }
  expect(cadence.kind).toBe("periodic");
  expect(truth).toEqual(planted.truth);
  expect(events.badRelease).toBe(0);

  expect(await cli(["validate", "org.yaml"], { cwd: dir })).toMatchObject({ code: 0 });
  const run = await cli(["simulate", "org.yaml", "--ticks", "4", "--policy", "async", "--jobs", "1", "--json"], {
    cwd: dir,
  });
  expect(run.code).toBe(0);
  expect(JSON.parse(run.stdout).policies[0].deployments).toBeGreaterThan(0);
});
