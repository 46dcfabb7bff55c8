import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Provenance } from "../../../../services/pipeline/manifest.ts";
import type { ModelTest, PipelineTest, TrainedTest } from "../../../../services/pipeline/model-test.ts";
import type { Pipeline } from "../../../../services/pipeline/pipeline.ts";
import { type GatedEvaluators, openGatedEvaluators } from "../../../helpers/gated-evaluators.ts";
import { twoComponents } from "../../../helpers/linear-pipelines.ts";
import { good, type MemoryEvaluators, openMemoryEvaluators } from "../../../helpers/memory-evaluators.ts";

/** The composed output rises with x: 1 by way of d, and what u makes of it. */
const rising: PipelineTest = {
  name: "y rises with x",
  kind: "monotone",
  component: "d",
  column: "x",
  direction: "increasing",
  onFailure: "refuse",
  rows: 100,
  allowed: 0,
};
const tested = (...tests: readonly PipelineTest[]): Pipeline => ({ ...twoComponents, tests });

/** A manifest with a team's tests, as a trainer writes it. */
function provenanceOf(...tests: readonly (ModelTest | Readonly<Record<string, unknown>>)[]): Provenance {
  return {
    tests: tests.map(
      (spec): TrainedTest => ({
        name: String(spec.name),
        kind: String(spec.kind),
        onFailure: String(spec.onFailure),
        rows: 10,
        violations: 0,
        worst: 0,
        passed: true,
        spec: { ...spec },
      }),
    ),
  };
}

let world: MemoryEvaluators;
beforeEach(() => {
  world = openMemoryEvaluators();
});
afterEach(() => world.close());

describe("tests of the pipeline", () => {
  test("a change reaches the tested output through every component that reads the column", async () => {
    const { records } = world.start({ pipeline: tested(rising) });
    await world.publish("u", { x: 1 });
    await world.publish("d", good);
    // d alone still rises with x; composed, y = x - 2 x falls.
    await world.publish("u", { x: -2 });
    await world.publish("u", { x: 2 });
    const { verdicts, quarantines } = await world.settled(4);
    expect(verdicts.map(({ component, serial, tests }) => [`${component}@${serial}`, tests])).toEqual([
      ["u@1", [expect.objectContaining({ passed: true, skipped: "d cannot be composed yet" })]],
      ["d@1", [expect.objectContaining({ component: "d", scope: "pipeline", rows: 100, violations: 0, passed: true })]],
      ["u@3", [expect.objectContaining({ passed: true, violations: 0 })]],
    ]);
    expect(quarantines).toEqual([
      expect.objectContaining({
        component: "u",
        serial: 2,
        reason: "failed-test",
        detail: expect.stringMatching(
          /^failed test on held-out rows: "y rises with x": 100 of 100 rows violate it, the worst by [\d.]+ \(held-out row \d+, held-out row \d+, held-out row \d+\) in the composed output of d$/,
        ),
      }),
    ]);
    expect(verdicts.at(-1)?.comparison?.current).toEqual({ u: 1, d: 1 });
    expect(records).toContainEqual(expect.objectContaining({ level: "warn", snapshot: "u@2", reason: "failed-test" }));
  });

  test("under warn, the verdict and a metric show it, and the snapshot is in use", async () => {
    const { metrics } = world.start({ pipeline: tested({ ...rising, onFailure: "warn" }) });
    await world.publish("u", { x: 1 });
    await world.publish("d", good);
    await world.publish("u", { x: -2 });
    const { verdicts, quarantines } = await world.settled(3);
    expect(quarantines).toEqual([]);
    expect(verdicts.at(-1)?.tests).toEqual([
      expect.objectContaining({ onFailure: "warn", violations: 100, passed: false }),
    ]);
    const text = await metrics.text();
    expect(text).toMatch(/uncouple_model_tests_failed_total\{component="u",on_failure="warn",.*\} 1/);
    expect(text).toMatch(/uncouple_model_tests_failed_total\{component="u",on_failure="refuse",.*\} 0/);
  });

  test("a baseline that fails, too, does not quarantine every update", async () => {
    const before = world.start();
    await world.publish("u", { x: -2 });
    await world.publish("d", good);
    await world.settled(2);
    await before.evaluator.stop();
    world.start({ pipeline: tested(rising), name: "e2" });
    await world.publish("u", { x: -1.9 });
    await world.publish("u", { x: 2 });
    const { verdicts, quarantines } = await world.settled(4);
    expect(quarantines).toEqual([]);
    const last = verdicts.slice(-2).map(({ tests }) => tests?.[0]);
    expect(last).toEqual([
      expect.objectContaining({ passed: false, failedBefore: true }),
      expect.objectContaining({ passed: true }),
    ]);
    expect(last[1]).not.toHaveProperty("failedBefore");
  });

  test("concern only what can change the output: an update of d is no reason to test u", async () => {
    const ofU: PipelineTest = { ...rising, name: "u rises", component: "u" };
    world.start({ pipeline: tested(ofU) });
    await world.publish("u", { x: 1 });
    await world.publish("d", good);
    const { verdicts } = await world.settled(2);
    expect(verdicts.map(({ tests }) => tests?.map(({ name }) => name))).toEqual([["u rises"], undefined]);
  });

  test("agreement compares an update with what is in use", async () => {
    const { column: _c, direction: _d, ...rest } = rising;
    const agreement: PipelineTest = { ...rest, name: "agrees", kind: "agreement", allowed: 0.05, within: 0.5 };
    world.start({ pipeline: tested(agreement) });
    await world.publish("u", { x: 2 });
    await world.publish("d", good);
    await world.publish("u", { x: 2.1 });
    await world.publish("u", { x: 4 });
    const { verdicts, quarantines } = await world.settled(4);
    expect(verdicts.at(-1)).toMatchObject({ serial: 2, tests: [{ passed: true, violations: 0, rows: 100 }] });
    expect(quarantines).toMatchObject([{ component: "u", serial: 3, reason: "failed-test" }]);
  });
});

describe("tests of a team", () => {
  const { component: _, ...team } = rising;
  const low: ModelTest = { name: "small", kind: "bounded", high: 1.5, onFailure: "refuse", rows: 400, allowed: 0 };

  test("are repeated on held-out rows, with the upstream as it is", async () => {
    world.start();
    await world.publish("u", { x: 1 });
    await world.publish("d", good, {}, provenanceOf(team));
    // Falls with x, given u.
    await world.publish("d", { x: -1, "u-out": 3 }, {}, provenanceOf(team));
    // Falls with u's output only, which a change of x alone does not move.
    await world.publish("d", { x: 1, "u-out": -3 }, {}, provenanceOf(team));
    const { verdicts, quarantines } = await world.settled(4);
    expect(quarantines).toMatchObject([{ component: "d", serial: 2, reason: "failed-test" }]);
    expect(quarantines[0]?.detail).not.toContain("composed output");
    expect(verdicts.slice(1).map(({ serial, tests }) => [serial, tests?.[0]?.scope, tests?.[0]?.passed])).toEqual([
      [1, "component", true],
      [3, "component", true],
    ]);
  });

  test("can name the output of the upstream", async () => {
    const inOutput: ModelTest = { ...team, column: "u-out" } as ModelTest;
    world.start();
    await world.publish("u", { x: 1 });
    await world.publish("d", { x: 1, "u-out": -3 }, {}, provenanceOf(inOutput));
    const { quarantines } = await world.settled(2);
    expect(quarantines).toMatchObject([{ component: "d", serial: 1, reason: "failed-test" }]);
  });

  test("wait for an upstream that cannot be composed", async () => {
    world.start();
    await world.publish("d", good, {}, provenanceOf(team));
    const { verdicts } = await world.settled(1);
    expect(verdicts[0]?.tests).toEqual([
      expect.objectContaining({ scope: "component", passed: true, skipped: "u cannot be composed yet" }),
    ]);
  });

  test("what a newer version or another pipeline has written is left out, and said so", async () => {
    const { records } = world.start();
    const foreign = [
      { ...low, name: "later", sharpness: 3 },
      { ...team, name: "elsewhere", column: "price" },
    ];
    await world.publish("u", { x: 2 }, {}, provenanceOf(low, ...foreign));
    await world.publish("u", { x: 1 }, {}, provenanceOf(low, ...foreign));
    const { verdicts, quarantines } = await world.settled(2);
    expect(quarantines).toMatchObject([{ serial: 1, reason: "failed-test" }]);
    expect(verdicts[0]?.tests?.map(({ name }) => name)).toEqual(["small"]);
    const said = records.map(({ msg, message }) => String(msg ?? message));
    expect(said.filter((line) => line.startsWith("left out a test"))).toEqual(
      [1, 2].flatMap(() => [
        'left out a test of the team: "later" is not a test that this version can run',
        'left out a test of the team: "elsewhere": u does not read a column "price"; available: x',
      ]),
    );
  });

  test("a manifest cannot keep evaluators busy with its tests", async () => {
    const { records } = world.start();
    const many = Array.from({ length: 60 }, (_, at) => ({ ...low, name: `t${at}`, high: 5, rows: 1e9 }));
    const endless = { ...team, name: "endless", rows: 1e9 };
    await world.publish("u", { x: 2 }, {}, provenanceOf(...many));
    await world.publish("u", { x: 2 }, {}, provenanceOf(...Array.from({ length: 6 }, () => endless)));
    const { verdicts } = await world.settled(2);
    expect(verdicts.map(({ tests }) => tests?.length)).toEqual([50, 4]);
    expect(records.map(({ msg, message }) => String(msg ?? message))).toContain(
      'left out a test of the team: "endless" and those after it ask for too many predictions',
    );
  });

  test("an invalid prediction of a changed row violates the test instead of blaming the model's inputs", async () => {
    const huge: ModelTest = {
      name: "scaled",
      kind: "invariant",
      change: { set: { x: 3e38 } },
      tolerance: 1e30,
      onFailure: "refuse",
      rows: 50,
      allowed: 0,
    };
    world.start();
    await world.publish("u", { x: 2 }, {}, provenanceOf(huge));
    const { quarantines } = await world.settled(1);
    expect(quarantines).toMatchObject([{ reason: "failed-test" }]);
    expect(quarantines[0]?.detail).toContain('"scaled": 50 of 50 rows violate it (');
  });
});

describe("a gate that enforces", () => {
  let gated: GatedEvaluators;
  beforeEach(() => {
    gated = openGatedEvaluators({}, { tests: [rising] });
  });
  afterEach(() => gated.close());

  test("quarantines a first snapshot that fails a test of the pipeline", async () => {
    gated.gated();
    // The first snapshot would be released without a decision.
    await gated.publish("d", good);
    await gated.publish("u", { x: -3 });
    await gated.settled(2);
    expect(await gated.backplane.quarantines.list()).toMatchObject([
      { component: "u", serial: 1, reason: "failed-test" },
    ]);
  });

  test("holds an update that fails a test of the pipeline, and does not quarantine it", async () => {
    gated.gated();
    await gated.publish("u", { x: 1 });
    await gated.publish("d", good);
    await gated.settled(2);
    await gated.publish("u", { x: -2 });
    await gated.settled(3);
    await gated.quiet();
    expect(await gated.decisions()).toContain("u@2 held: failed-test");
    expect(await gated.backplane.quarantines.list()).toEqual([]);
    const [found] = (await gated.entries()).filter((entry) => entry.entry === "decision");
    expect(found).toMatchObject({ detail: expect.stringContaining('"y rises with x": 100 of 100 rows violate it') });
    await gated.publish("u", { x: 2 });
    await gated.quiet();
    expect((await gated.releases()).at(-1)?.composition).toEqual({ u: 3, d: 1 });
  });
});
