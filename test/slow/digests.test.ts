import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { systemClock } from "../../services/common/clock/system-clock.ts";
import { createWasmEngine } from "../../services/engine/wasm/wasm-engine.ts";
import { digestRuns } from "../digests/digest-runs.ts";

const engine = createWasmEngine({ clock: systemClock });

test.each(digestRuns)("the weights of a wasm run have the recorded bits: $name", async ({ name, digest }) => {
  const recorded = JSON.parse(await readFile(join(import.meta.dirname, "../digests/weights.json"), "utf8"));
  expect(await digest(engine)).toBe(recorded[name]);
});
