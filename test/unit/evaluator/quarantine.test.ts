import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { UncoupleError } from "../../../services/common/errors.ts";
import type { TensorSpec } from "../../../services/pipeline/manifest.ts";
import type { Quarantine } from "../../../services/pipeline/verdict.ts";
import type { Backplane } from "../../../services/registry/backplane.ts";
import { draft, verdict } from "../../helpers/drafts.ts";
import { type LinearModel, linearBytes } from "../../helpers/linear-pipelines.ts";
import { good, type MemoryEvaluators, openMemoryEvaluators, specs, summary } from "../../helpers/memory-evaluators.ts";

let world: MemoryEvaluators;
beforeEach(() => {
  world = openMemoryEvaluators();
});
afterEach(() => world.close());

describe("quarantine", () => {
  const other: TensorSpec = { name: "w", kind: "numeric", width: 1 };
  const bad: [string, Uint8Array | LinearModel, object, Partial<Quarantine>][] = [
    ["malformed", new TextEncoder().encode("{"), {}, { reason: "malformed-model", detail: "not a model" }],
    ["oversized", linearBytes({ weights: { x: 1 }, bias: 1 / 3 }), {}, { reason: "oversized" }],
    ["missing an input", { weights: {} }, { inputs: [] }, { reason: "wrong-inputs" }],
    ["extra input", { weights: {} }, { inputs: [...specs.u.inputs, other] }, { reason: "wrong-inputs" }],
    ["different output", { weights: {} }, { output: other }, { reason: "wrong-output" }],
    ["NaN predictions", { weights: {}, emits: "nan" }, {}, { reason: "not-finite" }],
    ["failing predictions", { weights: {}, emits: "nothing" }, {}, { reason: "malformed-model" }],
  ];
  test.each(bad)(
    "a bad snapshot is quarantined with its reason, and the next ones are judged: %s",
    async (_, model, change, expected) => {
      const { metrics, records, evaluator } = world.start({ maxModelBytes: 40 });
      await world.publish("u", { x: 1 });
      await world.publish("d", good);
      await world.publish("u", model instanceof Uint8Array ? model : linearBytes(model), change);
      await world.publish("u", { x: 2 });
      const { verdicts, quarantines } = await world.settled(4);
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

  test("a snapshot of a component that is not in the pipeline file is quarantined", async () => {
    const { metrics } = world.start();
    await world.backplane.registry.publish(draft({ component: "m9" }), linearBytes({ weights: {} }), "any");
    const { quarantines } = await world.settled(1);
    expect(quarantines[0]).toMatchObject({ component: "m9", detail: "the pipeline file has no component m9" });
    // Anyone can announce any name, so unknown components share one series.
    const text = await metrics.text();
    expect(text).toMatch(/uncouple_quarantines_total\{component="\(unknown\)",reason="wrong-output",.*\} 1/);
    expect(text).not.toContain("m9");
  });

  test("a quarantine's detail is truncated, so that the record fits into a message", async () => {
    world.start();
    const inputs: TensorSpec[] = [...specs.u.inputs, { ...other, name: "w".repeat(500_000) }];
    await world.publish("u", { x: 1 }, { inputs });
    const { quarantines } = await world.settled(1);
    expect(quarantines[0]?.detail).toMatch(/^w{1000} \.\.\. \(truncated\)$/);
  });

  test("verdicts on components removed from the pipeline file do not appear in the metrics", async () => {
    await world.backplane.verdicts.append(verdict("m9", 1));
    const { evaluator, metrics } = world.start();
    await world.publish("u", { x: 1 });
    await world.settled(2);
    await evaluator.stop();
    expect(await metrics.text()).not.toContain("m9");
  });

  test("a snapshot whose bytes do not match its digest is quarantined", async () => {
    const damaged: Backplane = {
      ...world.backplane,
      registry: {
        ...world.backplane.registry,
        async bytes(manifest) {
          if (manifest.component === "u") throw new UncoupleError("data-loss", "u@1: SHA-256 differs");
          return world.backplane.registry.bytes(manifest);
        },
      },
    };
    world.start({}, damaged);
    await world.publish("u", { x: 1 });
    await world.publish("d", good);
    const { verdicts, quarantines } = await world.settled(2);
    expect(quarantines[0]).toMatchObject({ reason: "digest-mismatch", detail: "u@1: SHA-256 differs" });
    expect(summary(verdicts)).toEqual([["d@1", "inconclusive", "incomplete-pipeline"]]);
  });

  test("a snapshot that could not run when it was announced is quarantined once its inputs exist", async () => {
    world.start();
    await world.publish("d", linearBytes({ weights: {}, emits: "nan" }));
    await world.publish("u", { x: 1 });
    await world.publish("u", { x: 2 });
    const { quarantines, verdicts } = await world.settled(4);
    expect(quarantines).toEqual([expect.objectContaining({ component: "d", serial: 1, reason: "not-finite" })]);
    expect(summary(verdicts).at(-1)).toEqual(["u@2", "inconclusive", "incomplete-pipeline"]);
  });
});
