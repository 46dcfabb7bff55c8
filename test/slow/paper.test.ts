import { beforeAll, describe, expect, it } from "vitest";
import { systemClock } from "../../services/common/clock/system-clock.ts";
import { createOnnxEngine } from "../../services/engine/onnx/onnx-engine.ts";
import { createWasmEngine } from "../../services/engine/wasm/wasm-engine.ts";
import type { Figure3 } from "../../services/experiments/paper/figure3.ts";
import { countOrderings, meanOf } from "../../services/experiments/paper/orderings.ts";
import { PAPER_SIZES } from "../../services/experiments/paper/two-stage.ts";
import { type Reproduction, reproduce } from "../../services/experiments/reproduce.ts";

/**
 * The paper's results on 20 seeds. Takes minutes: `npm test` runs a reduced version, and this has a separate script.
 */
describe.each([createOnnxEngine("cpu", { clock: systemClock }), createWasmEngine({ clock: systemClock })])(
  "the paper on 20 seeds, on $name",
  (engine) => {
    const seeds = Array.from({ length: 20 }, (_, seed) => seed);
    let reproduction: Reproduction;

    beforeAll(async () => {
      reproduction = await reproduce({
        experiments: ["table2", "figure3"],
        seeds,
        jobs: 2,
        sizes: PAPER_SIZES,
        a: 2,
        b: 1,
        engine,
      });
    });

    it("reproduces the orderings of Figure 3", () => {
      const counts = countOrderings(reproduction.figure3 as Figure3);
      console.log(JSON.stringify(counts, null, 2));
      const all = seeds.length;
      for (const [claim, count] of Object.entries(counts)) {
        // On these seeds, one of 20 proximal M2s is 0.5 % worse than its async counterpart after the consistent update.
        const mayMiss = /proximal below|async improves/.test(claim) ? 0.1 * all : 0;
        expect(count, claim).toBeGreaterThanOrEqual(all - mayMiss);
      }
      expect(meanOf(reproduction.figure3 as Figure3, "proximal", "incremental")).toBeLessThan(
        meanOf(reproduction.figure3 as Figure3, "async", "incremental"),
      );
    });

    it("recovers to within twice sync's loss in a chain and a diamond if all are causal, not if all are async", async () => {
      const options = {
        experiments: ["dag"],
        seeds: [0, 1, 2, 3, 4],
        jobs: 2,
        sizes: PAPER_SIZES,
        a: 2,
        b: 1,
        engine,
      } as const;
      const { dag } = await reproduce(options);
      for (const shape of ["chain", "diamond"] as const) {
        const values = (protocol: string) =>
          dag?.rows.find((row) => row.shape === shape && row.protocol === protocol)?.values as readonly number[];
        values("sync").forEach((sync, i) => {
          expect(values("causal")[i], `${shape} ${i}`).toBeLessThan(2 * sync);
          expect(values("async")[i], `${shape} ${i}`).toBeGreaterThan(10 * sync);
        });
      }
    });

    it("reproduces Table 2 within the paper's intervals", () => {
      const mean = (upstream: string) => reproduction.table2?.rows.find((row) => row.upstream === upstream)?.mean;
      expect(mean("consistent")).toBeGreaterThan(0.3);
      expect(mean("consistent")).toBeLessThan(1);
      expect(mean("incremental")).toBeGreaterThan(45.5);
      expect(mean("incremental")).toBeLessThan(46.7);
    });
  },
);
