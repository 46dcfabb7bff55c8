import fc from "fast-check";
import { expect, test } from "vitest";
import { createVirtualClock } from "../../../../services/common/clock/virtual-clock.ts";
import { createRandom } from "../../../../services/data/random/random.ts";
import type { PruningSpec, SearchSpec } from "../../../../services/pipeline/search.ts";
import type { StoredStudy } from "../../../../services/trainer/studies/stored-study.ts";
import { createStudyEntry, type StudyEntry } from "../../../../services/trainer/studies/study-entry.ts";
import type { StudyStore } from "../../../../services/trainer/studies/study-store.ts";
import { createTrialDecisions } from "../../../../services/trainer/studies/trial-decision.ts";

const TRIALS = 12;
const never = new AbortController().signal;
/** A disk that is always fast. */
const store = { saveTrial: async () => {}, saveStudy: async () => {} } as unknown as StudyStore;

const search = (pruning: PruningSpec): SearchSpec => ({
  parameters: [],
  sampler: "random",
  pruning,
  stopEarly: { patience: 3, every: 20 },
  validation: 0.2,
  seed: 1,
});

/** What a trial measures at a step: better with time, but not always. */
function valueAt(seed: number, trial: number, step: number): number {
  const random = createRandom(seed, `trial ${trial}`, step);
  return createRandom(seed, `trial ${trial}`).uniform() + random.uniform() / 2 - step / 400;
}

const plannedOf = (trial: number) => (trial % 4 === 0 ? 60 : 100);

function emptyStudy(): StudyEntry {
  const study = { id: "s", component: "m1" } as StoredStudy["study"];
  return createStudyEntry(
    { stored: { version: 1, sequence: 1, study, pins: null, basis: null }, trials: [] },
    store,
    createVirtualClock(),
    () => {},
  );
}

/**
 * Runs the trials of a study without training, several at a time.
 * @param order which of those that can make a step makes the next one
 */
async function run(pruning: PruningSpec, seed: number, parallel: number, order: (choices: number) => number) {
  const entry = emptyStudy();
  const decisions = createTrialDecisions(search(pruning), 100, entry);
  /** What each trial in progress waits for its turn to do. */
  const turns = new Map<number, () => void>();
  const turnOf = (trial: number) => new Promise<void>((resolve) => turns.set(trial, resolve));
  const inProgress = new Set<number>();

  async function runTrial(number: number): Promise<void> {
    const planned = plannedOf(number);
    await turnOf(number);
    await entry.recordTrial(number, { planned, state: "running" });
    for (const step of decisions.stepsOf(planned)) {
      await turnOf(number);
      const { measured } = entry.trial(number).trial;
      await entry.recordTrial(number, {
        steps: step,
        measured: [...measured, { step, value: valueAt(seed, number, step) }],
      });
      const end = await decisions.decide(number, step, never);
      if (end !== undefined) return entry.recordTrial(number, { state: end });
    }
    await turnOf(number);
    await entry.recordTrial(number, { state: "complete", value: valueAt(seed, number, planned) });
  }

  let begun = 0;
  while (begun < TRIALS || inProgress.size > 0) {
    while (begun < TRIALS && inProgress.size < parallel) {
      begun += 1;
      const { trial } = await entry.addTrial({}, false);
      inProgress.add(trial);
      void runTrial(trial).finally(() => inProgress.delete(trial));
    }
    // Lets everything happen that needs no turn.
    for (let i = 0; i < 20; i++) await Promise.resolve();
    const ready = [...turns.keys()];
    if (ready.length === 0) {
      await new Promise((resolve) => setImmediate(resolve));
      continue;
    }
    const chosen = ready[order(ready.length)] as number;
    const turn = turns.get(chosen);
    turns.delete(chosen);
    turn?.();
  }
  return entry.study().trials;
}

test.each<PruningSpec>([
  { name: "halving", factor: 2, first: 10 },
  { name: "median", after: 3, every: 10 },
  { name: "none" },
])("the trials of a study are the same in every order of their steps: $name", async (pruning) => {
  const inTurn = await run(pruning, 3, 1, () => 0);
  const states = new Set(inTurn.map(({ state }) => state));
  expect(states.has("pruned")).toBe(pruning.name !== "none");
  expect(states.has("stopped") || states.has("complete")).toBe(true);
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 1, max: 6 }), fc.nat(), async (parallel, chance) => {
      const random = createRandom(chance, "order");
      expect(await run(pruning, 3, parallel, (choices) => random.below(choices))).toEqual(inTurn);
    }),
    { numRuns: 20 },
  );
});
