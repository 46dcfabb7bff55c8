import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import type { Clock } from "../../../services/common/clock/clock.ts";
import { systemClock } from "../../../services/common/clock/system-clock.ts";
import { createWasmEngine } from "../../../services/engine/wasm/wasm-engine.ts";
import type { TrainingCheckpoint } from "../../../services/learning/training/training-progress.ts";
import { digestRuns } from "../../digests/digest-runs.ts";

const quick = digestRuns.filter(({ slow }) => !slow);
const engine = createWasmEngine({ clock: systemClock });

let recorded: Readonly<Record<string, string>>;
beforeAll(async () => {
  recorded = JSON.parse(await readFile(join(import.meta.dirname, "../../digests/weights.json"), "utf8"));
});

test("every run has a recorded digest", () => {
  expect(Object.keys(recorded)).toEqual(digestRuns.map(({ name }) => name));
  // Sync and async differ in who trains when, not in the loss.
  const distinct = digestRuns.filter(({ name }) => !name.startsWith("sync"));
  expect(new Set(Object.values(recorded)).size).toBe(distinct.length);
});

describe("the weights of a wasm run have the recorded bits", () => {
  test.each(quick)(
    "$name",
    async ({ name, digest }) => {
      expect(await digest(engine)).toBe(recorded[name]);
    },
    60_000,
  );
});

describe("what changes no bit", () => {
  const runs = digestRuns.filter(({ name }) =>
    /^(sync with cross-entropy|causal-proximal from oracle, 64|a user's model, 30)/.test(name),
  );

  test.each(runs)("chunks of other sizes: $name", async ({ name, digest }) => {
    const sizes: number[] = [];
    let last = 0;
    const onProgress = ({ step }: { step: number }) => {
      sizes.push(step - last);
      last = step;
    };
    const sluggish = { ...engine, clock: clockOf(200) };
    expect(await digest(sluggish, { onProgress })).toBe(recorded[name]);
    expect(sizes.length).toBeGreaterThan(10);
    const brisk = { ...engine, clock: clockOf(0.01) };
    sizes.length = 0;
    last = 0;
    expect(await digest(brisk, { onProgress })).toBe(recorded[name]);
    expect(sizes.length).toBeLessThan(8);
  });

  test.each(runs)("a resume from a checkpoint: $name", async ({ name, digest }) => {
    const checkpoints: TrainingCheckpoint[] = [];
    const sluggish = { ...engine, clock: clockOf(200) };
    await digest(sluggish, { onProgress: async (progress) => void checkpoints.push(await progress.checkpoint()) });
    for (const resume of [checkpoints[0], checkpoints.at(-2)] as TrainingCheckpoint[]) {
      expect(await digest(engine, { resume })).toBe(recorded[name]);
    }
  });

  test("the number of threads, and what else runs on them", async () => {
    const single = createWasmEngine({ clock: systemClock, threads: 1 });
    for (const shared of [single, createWasmEngine({ clock: systemClock, threads: 3 })]) {
      const digests = await Promise.all(runs.map((run) => run.digest(shared)));
      expect(digests).toEqual(runs.map(({ name }) => recorded[name]));
    }
  });
});

/** A clock on which everything takes as long. */
function clockOf(milliseconds: number): Clock {
  let elapsed = 0;
  return { ...systemClock, elapsed: () => (elapsed += milliseconds) };
}
