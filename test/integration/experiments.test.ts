import { describe, expect, it } from "vitest";
import { systemClock } from "../../services/common/clock/system-clock.ts";
import { createEngine } from "../../services/engine/create-engine.ts";
import { figure1, figure1ClosedForm } from "../../services/experiments/paper/figure1.ts";
import type { Figure3 } from "../../services/experiments/paper/figure3.ts";
import { GATED_PROTOCOLS } from "../../services/experiments/paper/gated-protocols.ts";
import { countOrderings, meanOf } from "../../services/experiments/paper/orderings.ts";
import type { Table1Row } from "../../services/experiments/paper/table1.ts";
import { SMALL_SIZES, UPSTREAMS } from "../../services/experiments/paper/two-stage.ts";
import { reproduce } from "../../services/experiments/reproduce.ts";
import type { EngineChoice } from "../../services/pipeline/team.ts";

const engineOf = (choice: EngineChoice) => createEngine(choice, { clock: systemClock, log: () => {} });

describe("the paper at a reduced size", () => {
  it("reproduces the robust orderings of Figure 3, with the same numbers for any number of jobs", async () => {
    const engine = await engineOf("wasm");
    const seeds = [0, 1];
    const run = (some: readonly number[], jobs: number) =>
      reproduce({
        experiments: ["table2", "figure3"],
        seeds: some,
        jobs,
        sizes: SMALL_SIZES,
        a: 2,
        b: 1,
        engine,
      });
    const one = await run(seeds, 2);
    const counts = countOrderings(one.figure3 as Figure3);
    for (const claim of [
      "initial: async below causal",
      "consistent: causal below 10",
      "consistent: causal below proximal",
      "consistent: proximal below async",
      "incremental: causal improves",
      "incremental: sync improves",
    ]) {
      expect(counts[claim], claim).toBe(seeds.length);
    }
    expect(meanOf(one.figure3 as Figure3, "oracle", "initial")).toBeCloseTo(100, 9);
    expect(one.table2?.rows[1]?.mean).toBeGreaterThan(40);
    expect(one.table2?.rows[1]?.mean).toBeLessThan(55);
    for (const protocol of GATED_PROTOCOLS) {
      const [initial, incremental, consistent] = UPSTREAMS.map((upstream) =>
        meanOf(one.figure3 as Figure3, protocol, upstream),
      );
      expect(initial, protocol).toBe(meanOf(one.figure3 as Figure3, "async", "initial"));
      expect(incremental, protocol).toBeLessThanOrEqual(initial as number);
      expect(consistent, protocol).toBeLessThanOrEqual(incremental as number);
    }
    const alone = await run([1], 1);
    expect(alone.figure3?.rows.map(({ values }) => values[0])).toEqual(
      one.figure3?.rows.map(({ values }) => values[1]),
    );
  });

  it("measures Table 1 on equally many updates of each family, and async couples where causal does not", async () => {
    const { table1 } = await reproduce({
      experiments: ["table1"],
      seeds: [0],
      jobs: 1,
      sizes: SMALL_SIZES,
      a: 2,
      b: 1,
      engine: await engineOf("wasm"),
    });
    const row = (protocol: string) => table1?.rows.find((each) => each.protocol === protocol) as Table1Row;
    for (const { consistencyViolations, ownViolations, alignmentViolations, ownUpdates } of table1?.rows ?? []) {
      expect([consistencyViolations, ownViolations, alignmentViolations].map(({ trials }) => trials)).toEqual([
        3, 5, 4,
      ]);
      for (const { update, ownLoss } of ownUpdates) expect(ownLoss, update).toBeLessThan(100);
    }
    const throttled = row("proximal").ownUpdates.find(({ update }) => update === "lambda 2.07");
    expect(throttled?.ownLoss).toBeGreaterThan(40);
    expect(throttled?.ownLoss).toBeLessThan(55);
    for (const protocol of ["sync", "causal"]) {
      expect(row(protocol).consistencyViolations.count, protocol).toBe(0);
      expect(row(protocol).ownViolations.size.mean, protocol).toBeLessThan(row("async").ownViolations.size.mean);
    }
    expect(row("async").consistencyViolations.size.mean).toBeGreaterThan(5);
    const rejected = (protocol: string) => {
      const gated = table1?.gated.filter((each) => each.protocol === protocol) ?? [];
      expect(gated.map(({ updates, violations }) => [updates, violations.trials])).toEqual([
        ["consistent", 3],
        ["own", 5],
        ["mixes", 4],
      ]);
      expect(gated.filter(({ violations }) => violations.count > 0)).toEqual([]);
      return gated.reduce((sum, each) => sum + each.rejected.count, 0);
    };
    expect(rejected("rejection")).toBeGreaterThan(0);
    expect(rejected("co-training")).toBeLessThan(rejected("rejection"));
    expect(rejected("gate-sets")).toBeLessThanOrEqual(rejected("rejection"));
  });

  it.each([
    [2, 1, "onnx:cpu"],
    [1, 1, "wasm"],
    [1.5, 1, "wasm"],
  ] as const)("matches Figure 1's closed form within 3 percent at a = %f, b = %f, on %s", async (a, b, choice) => {
    const { losses, selfDefeating } = await figure1(a, b, 0, await engineOf(choice));
    const exact = figure1ClosedForm(a, b);
    const scale = exact.blind;
    for (const key of Object.keys(exact) as (keyof typeof exact)[]) {
      expect(Math.abs(losses[key] - exact[key]), key).toBeLessThan(0.03 * Math.max(exact[key], 0.1 * scale));
    }
    expect(selfDefeating).toBe(Math.abs(a / b) > 1.0855);
  });
});
