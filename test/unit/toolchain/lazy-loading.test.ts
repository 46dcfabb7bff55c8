import { createRequire } from "node:module";
import { expect, test } from "vitest";

const { cache } = createRequire(import.meta.url);

/** What costs a process at rest tens of MiB and a tenth of a second. */
const loaded = () => Object.keys(cache).filter((path) => /@tensorflow|onnxruntime|duckdb/.test(path));

test("services at rest have loaded neither tfjs nor ONNX Runtime nor DuckDB", async () => {
  await import("../../../services/trainer/run-trainer.ts");
  await import("../../../services/evaluator/run-evaluator.ts");
  expect(loaded()).toEqual([]);
  // The test sees what is loaded.
  await import("../../../services/engine/tfjs/optimizer-state.ts");
  expect(loaded()).not.toEqual([]);
});
