import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { systemClock } from "../../services/common/clock/system-clock.ts";
import { createWasmEngine } from "../../services/engine/wasm/wasm-engine.ts";
import { digestRuns } from "../digests/digest-runs.ts";
import { spillTests } from "../helpers/spilled-tables.ts";

const { spill } = spillTests();
const engine = createWasmEngine({ clock: systemClock });

// Matching needs all rows in memory.
const runs = digestRuns.filter(({ name }) => /^(causal from (?!matching)|gauss-newton|blend).*, 30 units/.test(name));

test.each(runs)(
  "on rows in files: $name",
  async ({ name, digest }) => {
    const recorded = JSON.parse(await readFile(join(import.meta.dirname, "../digests/weights.json"), "utf8"));
    expect(await digest(engine, { store: spill })).toBe(recorded[name]);
  },
  600_000,
);
