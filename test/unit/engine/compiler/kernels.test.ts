import { describe, expect, it } from "vitest";
import { kernelLowerings } from "../../../../services/engine/compiler/kernels/lowerings.ts";
import { difference, runCompiled, runEagerly } from "../../../helpers/compiled-function.ts";
import { gradientOf, kernelCases } from "../../../helpers/kernel-cases.ts";
import { runWasm } from "../../../helpers/wasm-function.ts";

describe("kernels", () => {
  it.each(kernelCases)("%s gives what tfjs gives, gradient included", async (_kernel, work, inputs, flat) => {
    expect(difference(await runCompiled(work, inputs), runEagerly(work, inputs), 2e-6)).toBeUndefined();
    if (flat === "flat") return;
    const gradient = gradientOf(work);
    expect(difference(await runCompiled(gradient, inputs), runEagerly(gradient, inputs), 1e-5)).toBeUndefined();
  });

  it.each(kernelCases)("%s gives what tfjs gives in WebAssembly, gradient included", (_kernel, work, inputs, flat) => {
    expect(difference(runWasm(work, inputs), runEagerly(work, inputs), 2e-6)).toBeUndefined();
    if (flat === "flat") return;
    const gradient = gradientOf(work);
    expect(difference(runWasm(gradient, inputs), runEagerly(gradient, inputs), 1e-5)).toBeUndefined();
  });

  it("are all tried here", () => {
    const tried = new Set(kernelCases.map(([kernel]) => kernel));
    expect(Object.keys(kernelLowerings).filter((kernel) => !tried.has(kernel))).toEqual([]);
  });
});
