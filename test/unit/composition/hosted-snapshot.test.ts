import { beforeEach, describe, expect, test } from "vitest";
import { systemClock } from "../../../services/common/clock/system-clock.ts";
import { UncoupleError } from "../../../services/common/errors.ts";
import { createComposer } from "../../../services/composition/composer.ts";
import { hostedSnapshot } from "../../../services/composition/hosted-snapshot.ts";
import { createLoadModel } from "../../../services/composition/load-upstream.ts";
import type { TensorSpec } from "../../../services/pipeline/manifest.ts";
import { createMemoryBackplane } from "../../../services/registry/memory/backplane.ts";
import type { Registry } from "../../../services/registry/registry.ts";
import { draft } from "../../helpers/drafts.ts";
import { linearBytes, loadLinear, schemaOf, tableOf, twoComponents } from "../../helpers/linear-pipelines.ts";
import { localInference } from "../../helpers/local-inference.ts";

const table = tableOf({ x: [1, 2], z: [2, 4], y: [3, 6] });
const schema = schemaOf(table);
const inputs: readonly TensorSpec[] = [{ name: "x", kind: "numeric", width: 1 }];
const output: TensorSpec = { name: "u-out", kind: "numeric", width: 1 };
const usable = linearBytes({ weights: { x: 2 } });
const broken = new TextEncoder().encode("{");

let registry: Registry;
beforeEach(() => {
  registry = createMemoryBackplane("demo", { clock: systemClock }).registry;
});

/** What an evaluator and a trainer get from a snapshot of `u`, or why they do not. */
async function bothViews(bytes: Uint8Array, change: object = {}, error?: UncoupleError) {
  const manifest = await registry.publish(
    draft({ component: "u", contract: { inputs, output, ...change } }),
    bytes,
    "any",
  );
  const reading: Registry = error === undefined ? registry : { ...registry, bytes: () => Promise.reject(error) };
  const composer = createComposer(
    { pipeline: twoComponents, heldOut: table, outputCacheBytes: 1e6 },
    {
      inference: localInference(loadLinear),
      modelOf: async (component) =>
        hostedSnapshot(twoComponents, component, manifest, 1e6, { registry: reading, schema }),
    },
  );
  const evaluator = composer.check("u", manifest.serial);
  const trainer = createLoadModel(twoComponents, reading, localInference(loadLinear))("u", manifest.serial, schema);
  return Promise.all([evaluator, trainer].map((view) => view.catch((thrown: unknown) => thrown)));
}

describe("a snapshot that is loaded", () => {
  test("predicts for an evaluator and for a trainer", async () => {
    await bothViews(usable);
    const model = await createLoadModel(twoComponents, registry, localInference(loadLinear))("u", 1, schema);
    expect([...(await model.predict(table))]).toEqual([2, 4]);
  });

  test.each([
    [{ inputs: [] }, "wrong-inputs", "x is missing"],
    [{ output: { ...output, width: 2 } }, "wrong-output", "u-out is numeric of width 2"],
  ])("of a manifest with %j is a fault of it to both", async (change, reason, says) => {
    const [fault, error] = await bothViews(usable, change);
    expect(fault).toMatchObject({ name: "SnapshotFault", component: "u", serial: 1, reason });
    expect((fault as Error).message).toContain(says);
    expect(error).toMatchObject({ name: "UncoupleError", code: "failed-precondition" });
    expect((error as Error).message).toBe(`u@1 cannot be used: ${(fault as Error).message}`);
  });

  test("of bytes that are no model is malformed to an evaluator, and cannot be used by a trainer", async () => {
    const [fault, error] = await bothViews(broken);
    expect(fault).toMatchObject({ reason: "malformed-model", message: "not a model" });
    expect(error).toMatchObject({ code: "failed-precondition", message: "u@1 cannot be used: not a model" });
  });

  test.each([
    ["data-loss", "digest-mismatch"],
    ["not-found", "digest-mismatch"],
    ["resource-exhausted", "oversized"],
  ] as const)(
    "whose bytes are answered with %s is put aside as %s, and a trainer is told what the registry said",
    async (code, reason) => {
      const [fault, error] = await bothViews(usable, {}, new UncoupleError(code, "the registry said so"));
      expect(fault).toMatchObject({ name: "SnapshotFault", reason, message: "the registry said so" });
      expect(error).toMatchObject({ name: "UncoupleError", code, message: "the registry said so" });
    },
  );

  test("is nobody's fault while the registry is away", async () => {
    const errors = await bothViews(usable, {}, new UncoupleError("unavailable", "no connection"));
    for (const error of errors) expect(error).toMatchObject({ name: "UncoupleError", code: "unavailable" });
  });
});
