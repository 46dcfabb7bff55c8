import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { difference, runCompiled, runEagerly } from "../../../helpers/compiled-function.ts";
import {
  inputsOf,
  programOf,
  randomPrograms,
  smoothPrograms,
  withGradients,
  withPenalty,
} from "../../../helpers/random-programs.ts";
import { runWasm } from "../../../helpers/wasm-function.ts";

/** `npm run test:programs` tries ten thousand. */
describe("random programs", () => {
  it("have the value and the gradient that tfjs gives them", async () => {
    await fc.assert(
      fc.asyncProperty(randomPrograms, async (program) => {
        const [work, inputs] = [withGradients(programOf(program)), inputsOf(program)];
        const wanted = runEagerly(work, inputs);
        expect(difference(await runCompiled(work, inputs), wanted, 1e-4)).toBeUndefined();
        expect(difference(runWasm(work, inputs), wanted, 1e-4)).toBeUndefined();
      }),
      { numRuns: 100, seed: 20260727 },
    );
  });

  it("have the second-order gradients that tfjs gives them", async () => {
    await fc.assert(
      fc.asyncProperty(smoothPrograms, async (program) => {
        const [work, inputs] = [withPenalty(programOf(program)), inputsOf(program)];
        const wanted = runEagerly(work, inputs);
        expect(difference(await runCompiled(work, inputs), wanted, 1e-4)).toBeUndefined();
        expect(difference(runWasm(work, inputs), wanted, 1e-4)).toBeUndefined();
      }),
      { numRuns: 40, seed: 7 },
    );
  });
});
