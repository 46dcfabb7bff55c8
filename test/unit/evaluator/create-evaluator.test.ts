import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { createEvaluator, type Evaluator, type EvaluatorConfig } from "../../../services/evaluator/create-evaluator.ts";
import { UncoupleError } from "../../../services/pipeline/errors.ts";
import type { SnapshotManifest, TensorSpec } from "../../../services/pipeline/manifest.ts";
import type { Quarantine, Verdict } from "../../../services/pipeline/verdict.ts";
import type { Backplane, WorkQueue } from "../../../services/registry/backplane.ts";
import { createMemoryBackplane } from "../../../services/registry/memory/backplane.ts";
import { createMetrics, type Metrics } from "../../../services/runtime/metrics.ts";
import { draft } from "../../helpers/drafts.ts";
import {
  type LinearModel,
  linearBytes,
  loadLinear,
  schemaOf,
  tableOf,
  twoComponents,
} from "../../helpers/linear-pipelines.ts";
import { recordingLog } from "../../helpers/log.ts";

/** z = 2 x and y = 3 x + small noise of a fixed pattern, so that intervals have a width. */
const rows = 400;
const x = Array.from({ length: rows }, (_, row) => ((row * 7919) % 401) / 200 - 1);
const heldOut = tableOf({
  x,
  z: x.map((value) => 2 * value),
  y: x.map((value, row) => 3 * value + 0.01 * ((row % 5) - 2)),
});

const specs: Record<string, { inputs: TensorSpec[]; output: TensorSpec }> = {
  u: {
    inputs: [{ name: "x", kind: "numeric", width: 1 }],
    output: { name: "u-out", kind: "numeric", width: 1 },
  },
  d: {
    inputs: [
      { name: "x", kind: "numeric", width: 1 },
      { name: "u-out", kind: "numeric", width: 1 },
    ],
    output: { name: "d-out", kind: "numeric", width: 1 },
  },
};

/** The queue, as if its items had been delivered so often. */
function deliveredFor(queue: WorkQueue, delivery: (manifest: SnapshotManifest) => number): WorkQueue {
  return {
    pending: () => queue.pending(),
    async *items(signal) {
      for await (const item of queue.items(signal)) yield { ...item, delivery: delivery(item.announcement.manifest) };
    },
  };
}

let backplane: Backplane;
let evaluators: Evaluator[];
beforeEach(() => {
  backplane = createMemoryBackplane("demo");
  evaluators = [];
});
afterEach(async () => {
  await Promise.all(evaluators.map((evaluator) => evaluator.stop()));
  await backplane.close();
});

interface Started {
  readonly evaluator: Evaluator;
  readonly metrics: Metrics;
  readonly records: readonly Record<string, unknown>[];
}

function start(change: Partial<EvaluatorConfig> = {}, over: Backplane = backplane): Started {
  const { log, records } = recordingLog();
  const metrics = createMetrics({ service: "evaluator", version: "0" });
  const evaluator = createEvaluator(
    {
      name: "e1",
      pipeline: twoComponents,
      retained: 8,
      maxModelBytes: 1e6,
      outputCacheBytes: 1e8,
      modelCacheBytes: 1e8,
      ...change,
    },
    { backplane: over, schema: schemaOf(heldOut), heldOut, load: loadLinear, log, metrics },
  );
  evaluators.push(evaluator);
  evaluator.start();
  return { evaluator, metrics, records };
}

async function publish(component: "u" | "d", weights: LinearModel["weights"] | Uint8Array, change = {}) {
  const bytes = weights instanceof Uint8Array ? weights : linearBytes({ weights });
  const spec = specs[component];
  return backplane.registry.publish(draft({ component, ...spec, ...change }), bytes, "any");
}

async function settled(count: number): Promise<{ verdicts: readonly Verdict[]; quarantines: readonly Quarantine[] }> {
  const queue = backplane.workQueue("evaluator");
  for (;;) {
    const verdicts = await backplane.verdicts.list();
    const quarantines = await backplane.quarantines.list();
    if (verdicts.length + quarantines.length >= count && (await queue.pending()) === 0)
      return { verdicts, quarantines };
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
const summary = (verdicts: readonly Verdict[]) =>
  verdicts.map(({ component, serial, kind, reason }) => [`${component}@${serial}`, kind, ...(reason ? [reason] : [])]);

const good = { x: 1, "u-out": 1 };

describe("verdicts", () => {
  test("tell a first, an improving, a degrading and an indifferent update apart", async () => {
    start();
    await publish("u", { x: 1 });
    await publish("d", good);
    await publish("u", { x: 2 });
    await publish("u", { x: 0.5 });
    await publish("u", { x: 0.5 });
    const { verdicts } = await settled(5);
    expect(summary(verdicts)).toEqual([
      ["u@1", "inconclusive", "incomplete-pipeline"],
      ["d@1", "inconclusive", "no-current-snapshot"],
      ["u@2", "improved"],
      ["u@3", "degraded"],
      ["u@4", "inconclusive"],
    ]);
    expect(verdicts[0]?.componentLoss).toMatchObject({ current: null, candidate: expect.any(Number) });
    expect(verdicts[1]?.componentLoss).toMatchObject({ current: null, candidate: expect.any(Number) });
    expect(verdicts[4]?.comparison).toMatchObject({ difference: 0, interval: [0, 0], kind: "inconclusive" });
  });

  test("an update that improves its component and degrades the pipeline is self-defeating", async () => {
    start();
    await publish("u", { x: 1 });
    // Learnt to make up for the wrong u: x + 2 u is 3 x while u is x.
    await publish("d", { x: 1, "u-out": 2 });
    await publish("u", { x: 2 });
    const { verdicts } = await settled(3);
    const verdict = verdicts[2] as Verdict;
    expect(verdict.kind).toBe("self-defeating");
    const square = x.reduce((sum, value) => sum + value * value, 0) / rows;
    expect(verdict.componentLoss.current).toBeCloseTo(square, 5);
    expect(verdict.componentLoss.candidate).toBeCloseTo(0, 5);
    expect(verdict.componentInterval?.[1]).toBeLessThan(0);
    expect(verdict.comparison).toMatchObject({
      current: { u: 1, d: 1 },
      candidate: { u: 2, d: 1 },
      candidateLoss: expect.closeTo(4 * square, 1),
    });
    expect(verdict).toMatchObject({ rows, evaluator: "e1", pipeline: "demo" });
  });

  test("show what the update would do under other retained snapshots downstream", async () => {
    start({ retained: 2 });
    await publish("u", { x: 1 });
    await publish("d", { x: 3 });
    await publish("d", { x: 1, "u-out": 2 });
    await publish("d", good);
    await publish("u", { x: 2 });
    const { verdicts } = await settled(5);
    const verdict = verdicts[4] as Verdict;
    expect(verdict.kind).toBe("improved");
    expect(verdict.alternatives.map(({ current, candidate, kind }) => [current, candidate, kind])).toEqual([
      [{ u: 1, d: 2 }, { u: 2, d: 2 }, "self-defeating"],
    ]);
  });

  test("compare with the champion where one is set", async () => {
    await publish("u", { x: 1 });
    await publish("u", { x: 0 });
    await publish("d", good);
    await backplane.registry.setAlias("u", "champion", 1, null, "test");
    await publish("u", { x: 1.5 });
    start();
    const { verdicts } = await settled(4);
    expect(verdicts.at(-1)?.comparison?.current).toEqual({ u: 1, d: 1 });
  });

  test("of a backlog are those that would have been given one by one", async () => {
    const story = async () => {
      await publish("u", { x: 1 });
      await publish("d", good);
      await publish("u", { x: 2 });
      await publish("d", { x: 1.2, "u-out": 1 });
    };
    const essence = (verdicts: readonly Verdict[]) =>
      verdicts.map(({ seconds: _seconds, judgedAt: _judgedAt, evaluator: _evaluator, ...rest }) => rest);
    await story();
    start();
    const late = essence((await settled(4)).verdicts);
    backplane = createMemoryBackplane("demo");
    start();
    for (const [index, step] of [
      () => publish("u", { x: 1 }),
      () => publish("d", good),
      () => publish("u", { x: 2 }),
      () => publish("d", { x: 1.2, "u-out": 1 }),
    ].entries()) {
      await step();
      await settled(index + 1);
    }
    expect(essence(await backplane.verdicts.list())).toEqual(late);
  });

  test("two evaluators share the announcements, and each is judged once", async () => {
    const one = start({ name: "e1" });
    const two = start({ name: "e2" });
    await publish("d", good);
    for (let i = 1; i <= 20; i++) await publish("u", { x: i / 10 });
    const { verdicts } = await settled(21);
    expect(new Set(verdicts.map(({ component, serial }) => `${component}@${serial}`)).size).toBe(21);
    expect(verdicts).toHaveLength(21);
    expect(new Set(verdicts.map(({ evaluator }) => evaluator))).toEqual(new Set(["e1", "e2"]));
    const counts = await Promise.all(
      [one, two].map(async ({ metrics }) =>
        [...(await metrics.text()).matchAll(/^uncouple_verdicts_total\{.*\} (\d+)$/gm)].reduce(
          (sum, m) => sum + Number(m[1]),
          0,
        ),
      ),
    );
    expect((counts[0] ?? 0) + (counts[1] ?? 0)).toBe(21);
  });

  test("a snapshot that overflows another component's prediction is inconclusive and blames nobody", async () => {
    start();
    await publish("u", { x: 1 });
    await publish("d", { x: 1, "u-out": 10 });
    await publish("u", { x: 1 });
    await publish("u", { x: 1e38 });
    await publish("u", { x: 2 });
    const { verdicts, quarantines } = await settled(5);
    expect(quarantines).toEqual([]);
    expect(summary(verdicts).slice(3)).toEqual([
      ["u@3", "inconclusive", "not-finite"],
      // It is still the newest: what cannot be measured against is no pass either.
      ["u@4", "inconclusive", "not-finite"],
    ]);
  });
});

describe("quarantine", () => {
  const other: TensorSpec = { name: "w", kind: "numeric", width: 1 };
  const bad: [string, Uint8Array | LinearModel, object, Partial<Quarantine>][] = [
    ["malformed", new TextEncoder().encode("{"), {}, { reason: "malformed-model", detail: "not a model" }],
    ["oversized", linearBytes({ weights: { x: 1 }, bias: 1 / 3 }), {}, { reason: "oversized" }],
    ["missing an input", { weights: {} }, { inputs: [] }, { reason: "wrong-inputs" }],
    [
      "one with another input",
      { weights: {} },
      { inputs: [...(specs.u?.inputs ?? []), other] },
      { reason: "wrong-inputs" },
    ],
    ["one with another output", { weights: {} }, { output: other }, { reason: "wrong-output" }],
    ["NaN-producing", { weights: {}, emits: "nan" }, {}, { reason: "not-finite" }],
    ["failing", { weights: {}, emits: "nothing" }, {}, { reason: "malformed-model" }],
  ];
  test.each(bad)(
    "a %s snapshot is put aside with its reason, and the next ones are judged",
    async (_, model, change, expected) => {
      const { metrics, records, evaluator } = start({ maxModelBytes: 40 });
      await publish("u", { x: 1 });
      await publish("d", good);
      await publish("u", model instanceof Uint8Array ? model : linearBytes(model), change);
      await publish("u", { x: 2 });
      const { verdicts, quarantines } = await settled(4);
      expect(quarantines).toEqual([
        expect.objectContaining({ component: "u", serial: 2, evaluator: "e1", ...expected }),
      ]);
      expect(summary(verdicts).at(-1)).toEqual(["u@3", "improved"]);
      expect(verdicts.at(-1)?.comparison?.current).toEqual({ u: 1, d: 1 });
      const [matrix] = await evaluator.matrices();
      expect(matrix?.upstreamSerials).toEqual([1, 3]);
      expect(await metrics.text()).toContain(
        `uncouple_quarantines_total{component="u",reason="${expected.reason}",service="evaluator"} 1`,
      );
      expect(records).toContainEqual(
        expect.objectContaining({ level: "warn", snapshot: "u@2", reason: expected.reason }),
      );
    },
  );

  test("a component that the pipeline file does not have is put aside", async () => {
    start();
    await backplane.registry.publish(draft({ component: "m9" }), linearBytes({ weights: {} }), "any");
    const { quarantines } = await settled(1);
    expect(quarantines[0]).toMatchObject({ component: "m9", detail: "the pipeline file has no component m9" });
  });

  test("bytes that are not those announced are put aside", async () => {
    const damaged: Backplane = {
      ...backplane,
      registry: {
        ...backplane.registry,
        async bytes(manifest) {
          if (manifest.component === "u") throw new UncoupleError("data-loss", "u@1: SHA-256 differs");
          return backplane.registry.bytes(manifest);
        },
      },
    };
    start({}, damaged);
    await publish("u", { x: 1 });
    await publish("d", good);
    const { verdicts, quarantines } = await settled(2);
    expect(quarantines[0]).toMatchObject({ reason: "digest-mismatch", detail: "u@1: SHA-256 differs" });
    expect(summary(verdicts)).toEqual([["d@1", "inconclusive", "incomplete-pipeline"]]);
  });

  test("a snapshot that could not be run when it was announced is put aside when its inputs are there", async () => {
    start();
    await publish("d", linearBytes({ weights: {}, emits: "nan" }));
    await publish("u", { x: 1 });
    await publish("u", { x: 2 });
    const { quarantines, verdicts } = await settled(4);
    expect(quarantines).toEqual([expect.objectContaining({ component: "d", serial: 1, reason: "not-finite" })]);
    expect(summary(verdicts).at(-1)).toEqual(["u@2", "inconclusive", "incomplete-pipeline"]);
  });
});

describe("trouble", () => {
  test("a registry that fails for a while only delays a verdict", async () => {
    let failures = 2;
    const shaky: Backplane = {
      ...backplane,
      registry: {
        ...backplane.registry,
        async bytes(manifest) {
          if (failures-- > 0) throw new UncoupleError("unavailable", "no answer");
          return backplane.registry.bytes(manifest);
        },
      },
    };
    const { records } = start({}, shaky);
    await publish("u", { x: 1 });
    const { verdicts, quarantines } = await settled(1);
    expect(verdicts).toHaveLength(1);
    expect(quarantines).toEqual([]);
    expect(records).toContainEqual(expect.objectContaining({ message: "u@1 is to be judged later: no answer" }));
  });

  test("an evaluation that fails again and again is given up visibly, and blocks nothing", async () => {
    const broken: Backplane = {
      ...backplane,
      registry: {
        ...backplane.registry,
        async bytes(manifest) {
          if (manifest.component === "u") throw new TypeError("defect");
          return backplane.registry.bytes(manifest);
        },
      },
    };
    const { metrics } = start({}, broken);
    await publish("u", { x: 1 });
    await publish("d", good);
    const { verdicts, quarantines } = await settled(2);
    expect(verdicts.map(({ component }) => component)).toEqual(["d"]);
    expect(quarantines).toEqual([
      expect.objectContaining({ reason: "evaluation-failed", detail: "judging it failed 5 times: defect" }),
    ]);
    expect(await metrics.text()).toMatch(/uncouple_evaluation_duration_seconds_count\{.*outcome="failure"\} [5-9]/);
  });

  test("deliveries given back because the registry was away are no failures of the evaluation", async () => {
    const troubles = [new UncoupleError("unavailable", "no answer"), new TypeError("defect")];
    const shaky: Backplane = {
      ...backplane,
      workQueue: (group) => deliveredFor(backplane.workQueue(group), () => 5),
      registry: {
        ...backplane.registry,
        async bytes(manifest) {
          const trouble = troubles.shift();
          if (trouble !== undefined) throw trouble;
          return backplane.registry.bytes(manifest);
        },
      },
    };
    start({}, shaky);
    await publish("u", { x: 1 });
    const { verdicts, quarantines } = await settled(1);
    expect(quarantines).toEqual([]);
    expect(verdicts).toHaveLength(1);
  });

  test("an announcement that was delivered again and again and never finished is given up", async () => {
    const deadly: Backplane = {
      ...backplane,
      workQueue: (group) =>
        deliveredFor(backplane.workQueue(group), (manifest) => (manifest.component === "u" ? 21 : 1)),
    };
    start({}, deadly);
    await publish("u", { x: 1 });
    await publish("d", good);
    const { verdicts, quarantines } = await settled(2);
    expect(quarantines[0]).toMatchObject({ component: "u", reason: "evaluation-failed" });
    expect(quarantines[0]?.detail).toMatch(/delivered 21 times and never finished/);
    expect(verdicts).toHaveLength(1);
  });

  test("an announcement that nobody could read for long is not given up", async () => {
    let answers = false;
    const away: Backplane = {
      ...backplane,
      workQueue: (group) => deliveredFor(backplane.workQueue(group), () => 21),
      registry: {
        ...backplane.registry,
        async bytes(manifest) {
          if (answers) return backplane.registry.bytes(manifest);
          answers = true;
          throw new UncoupleError("unavailable", "no answer");
        },
      },
    };
    start({}, away);
    await publish("u", { x: 1 });
    const { verdicts, quarantines } = await settled(1);
    expect(quarantines).toEqual([]);
    expect(verdicts).toHaveLength(1);
  });

  test("what was judged by an evaluator that died before it said so is not judged again", async () => {
    let acknowledged = 0;
    const forgetful: Backplane = {
      ...backplane,
      workQueue(group) {
        const queue = backplane.workQueue(group);
        return {
          pending: () => queue.pending(),
          async *items(signal) {
            for await (const item of queue.items(signal)) {
              yield {
                ...item,
                async done() {
                  if (item.delivery > 1) await item.done();
                  else if (++acknowledged > 0) await item.retry();
                },
              };
            }
          },
        };
      },
    };
    const { metrics } = start({}, forgetful);
    await publish("u", { x: 1 });
    const { verdicts } = await settled(1);
    expect(acknowledged).toBe(1);
    expect(verdicts).toHaveLength(1);
    expect(await metrics.text()).toMatch(/uncouple_verdicts_total\{.*kind="inconclusive".*\} 1/);
  });

  test("stopping is memoised, takes nothing more, and leaves the rest to others", async () => {
    const { evaluator } = start();
    await publish("u", { x: 1 });
    await settled(1);
    await Promise.all([evaluator.stop(), evaluator.stop()]);
    await publish("d", good);
    start({ name: "e2" });
    const { verdicts } = await settled(2);
    expect(verdicts.map(({ evaluator: by }) => by)).toEqual(["e1", "e2"]);
  });

  test("too few held-out rows are refused at the start", () => {
    const few = tableOf({ x: [1, 2], z: [1, 2], y: [1, 2] });
    const { log } = recordingLog();
    expect(() =>
      createEvaluator(
        { name: "e", pipeline: twoComponents, retained: 8, maxModelBytes: 1, outputCacheBytes: 1, modelCacheBytes: 1 },
        {
          backplane,
          schema: schemaOf(few),
          heldOut: few,

          load: loadLinear,
          log,
          metrics: createMetrics({ service: "evaluator", version: "0" }),
        },
      ),
    ).toThrow(/2 held-out rows: at least 30 are needed/);
  });
});

describe("what is in use", () => {
  test("the status names the current snapshots and their loss, and metrics the newest losses", async () => {
    const { evaluator, metrics } = start();
    expect(await evaluator.status()).toMatchObject({ current: {}, loss: null, pending: 0, state: "idle", rows });
    await publish("u", { x: 1 });
    await publish("d", good);
    await publish("u", { x: 2 });
    await settled(3);
    const status = await evaluator.status();
    expect(status).toMatchObject({ pipeline: "demo", evaluator: "e1", current: { u: 2, d: 1 } });
    expect(status.loss).toBeCloseTo(2e-4, 5);
    const text = await metrics.text();
    expect(text).toMatch(/uncouple_pipeline_loss\{component="u",role="current",.*\} 0\.335/);
    expect(text).toMatch(/uncouple_pipeline_loss\{component="u",role="candidate",.*\} 0\.0002/);
    expect(text).toMatch(/uncouple_component_loss\{component="u",role="candidate",.*\} 0\b/);
    expect(text).toMatch(/uncouple_announcements_pending\{.*\} 0/);
  });

  test("a restarted evaluator has the same matrix and the same newest losses", async () => {
    const before = start();
    await publish("u", { x: 1 });
    await publish("d", good);
    await publish("u", { x: 2 });
    await publish("d", { x: 0, "u-out": 1.5 });
    await settled(4);
    const matrices = await before.evaluator.matrices();
    await before.evaluator.stop();
    const after = start({ name: "e2" });
    await expect.poll(() => after.evaluator.matrices()).toEqual(matrices);
    expect(matrices[0]?.cells).toHaveLength(4);
    expect(await after.metrics.text()).toMatch(/uncouple_pipeline_loss\{component="d",role="candidate",.*\} 0\.0/);
  });
});
