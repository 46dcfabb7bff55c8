import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import type { Clock } from "../../../services/common/clock/clock.ts";
import { systemClock } from "../../../services/common/clock/system-clock.ts";
import { createWasmEngine } from "../../../services/engine/wasm/wasm-engine.ts";
import type { TrainingCheckpoint } from "../../../services/learning/training/training-progress.ts";
import { createLocalRunner } from "../../../services/learning/units/local-runner.ts";
import { digestRuns } from "../../digests/digest-runs.ts";
import { spillTests } from "../../helpers/spilled-tables.ts";

const { spill } = spillTests();
const engine = createWasmEngine({ clock: systemClock });

let recorded: Readonly<Record<string, string>>;
beforeAll(async () => {
  recorded = JSON.parse(await readFile(join(import.meta.dirname, "../../digests/weights.json"), "utf8"));
});

const named = (pattern: RegExp) => digestRuns.filter(({ name }) => pattern.test(name));

describe("training rows in files give the bits of rows in memory", () => {
  test.each(named(/^(async|proximal|causal from oracle|a user's model), 30 units/))(
    "$name",
    async ({ name, digest }) => {
      expect(await digest(engine, { store: spill })).toBe(recorded[name]);
    },
  );

  test("in units as well, and where a run resumes", async () => {
    const [run] = named(/^causal-proximal from oracle, 30 units/) as [(typeof digestRuns)[number]];
    const units = () => createLocalRunner(systemClock);
    expect(await run.digest(engine, { store: spill, units: units() })).toBe(
      await run.digest(engine, { units: units() }),
    );
    const checkpoints: TrainingCheckpoint[] = [];
    await run.digest(
      { ...engine, clock: sluggish() },
      { store: spill, onProgress: async (progress) => void checkpoints.push(await progress.checkpoint()) },
    );
    for (const resume of [checkpoints[0], checkpoints.at(-2)] as TrainingCheckpoint[]) {
      expect(await run.digest(engine, { store: spill, resume })).toBe(recorded[run.name]);
    }
  });
});

/** A clock on which everything takes so long that chunks stay short. */
function sluggish(): Clock {
  let elapsed = 0;
  return { ...systemClock, elapsed: () => (elapsed += 200) };
}
