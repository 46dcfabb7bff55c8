import fc from "fast-check";
import { expect, test } from "vitest";
import { type Behavior, Simulation, type SimulationPlan } from "../../../helpers/coordinator-simulation.ts";

/** `npm run test:workers` plays 10,000. */
const SCHEDULES = Number(process.env.WORKER_SCHEDULES ?? 300);
const SEED = Number(process.env.WORKER_SEED ?? Date.now() % 1_000_000);

const harmless: readonly Behavior[] = ["honest", "nan", "stranger", "different", "silent", "deaf", "clumsy"];
/** Whose wrong results only an audit finds. */
const liars: readonly Behavior[] = ["liar", "slot"];
/** Where the trainer cannot run the class, the first worker is its measure. */
const withoutMeasure = (behavior: Behavior) => behavior !== "different";

const plans: fc.Arbitrary<SimulationPlan> = fc
  .record({
    slots: fc.integer({ min: 1, max: 5 }),
    rounds: fc.integer({ min: 1, max: 5 }),
    audit: fc.constantFrom(0, 0.3, 1),
    local: fc.constantFrom(0, 1, 2),
  })
  .chain((plan) => {
    const behaviors = (plan.audit === 1 ? [...harmless, ...liars] : harmless).filter(
      plan.local > 0 ? () => true : withoutMeasure,
    );
    // Without the trainer, honest ones must be among them.
    const honest = Array.from({ length: 4 }, (): Behavior => "honest");
    return fc
      .array(fc.constantFrom(...behaviors), { maxLength: plan.local > 0 ? 8 : 4 })
      .map((others) => ({ ...plan, behaviors: plan.local > 0 ? others : [...honest, ...others] }));
  });

test(`no schedule of joins, kills, stalls, lies and restarts changes a bit (${SCHEDULES} schedules, seed ${SEED})`, () => {
  const choices = fc.array(fc.nat(1_000_000), { minLength: 40, maxLength: 400, size: "max" });
  const totals: Record<string, number> = {};
  fc.assert(
    fc.property(plans, choices, (plan, drawn) => {
      const simulation = new Simulation(plan, drawn);
      simulation.play();
      for (const [name, count] of Object.entries(simulation.totals)) totals[name] = (totals[name] ?? 0) + count;
      expect(simulation.bases.at(-1)).toBe(Simulation.oracle(plan));
    }),
    { numRuns: SCHEDULES, seed: SEED },
  );
  // Every fate was met, and so was every rule that ends in a refusal.
  expect(Object.entries(totals).filter(([, count]) => count === 0)).toEqual([]);
}, 600_000);
