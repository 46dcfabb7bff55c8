import { createRequire } from "node:module";
import { expect, it } from "vitest";
import { provideRemovedFunctions } from "../../../../services/engine/tensorflow/removed-functions.ts";

it("puts back the functions that tfjs-node calls and Node 23 removed, without a warning", async () => {
  const warnings: unknown[] = [];
  const onWarning = (warning: Error) => warnings.push(warning);
  process.on("warning", onWarning);
  provideRemovedFunctions();
  // As tfjs-node does it.
  const util = createRequire(import.meta.url)("util") as Record<string, (value: unknown) => boolean>;
  expect([undefined, null, 0, "", false].map((value) => util.isNullOrUndefined?.(value))).toEqual([
    true,
    true,
    false,
    false,
    false,
  ]);
  expect([[], [1], {}, "a", undefined].map((value) => util.isArray?.(value))).toEqual([
    true,
    true,
    false,
    false,
    false,
  ]);
  await new Promise((resolve) => setImmediate(resolve));
  process.off("warning", onWarning);
  expect(warnings).toEqual([]);
});
