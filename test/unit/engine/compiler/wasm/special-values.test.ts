import { describe, expect, it } from "vitest";
import { difference, graphOf, inputValues, runEagerly, type TestInput } from "../../../../helpers/compiled-function.ts";
import { gradientOf, kernelCases } from "../../../../helpers/kernel-cases.ts";
import { compileWasmGraph } from "../../../../helpers/wasm-function.ts";

const OTHERS = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, -0, 1e-40, -1e-40, 3e38];

/**
 * Where WebAssembly and tfjs are known to differ, which a training never depends on: it ends at the first loss that is not
 * finite.
 */
const DIFFERENT: Readonly<Record<string, { readonly values: readonly number[]; readonly why: string }>> = {
  Mod: { values: OTHERS, why: "x - floor(x / y) y rounds the quotient" },
  Sign: { values: [Number.NaN], why: "tfjs gives 0; NaN stays NaN here and in ONNX Runtime" },
  Sin: { values: [3e38], why: "above 1e6, the last digits of pi that are needed are not there" },
  Cos: { values: [3e38], why: "as sin" },
  Tan: { values: [3e38], why: "as sin" },
  Atan2: { values: [-0], why: "the sign of a zero chooses between pi and -pi" },
  Cast: { values: [...OTHERS], why: "outside the integers of 32 bits, tfjs wraps around; WebAssembly saturates" },
  OneHot: { values: [...OTHERS], why: "as Cast" },
  Prod: { values: [3e38], why: "tfjs multiplies in float64, where nothing overflows on the way" },
  TopK: { values: [Number.NaN, ...OTHERS], why: "tfjs loses numbers beside NaN and infinity" },
};

/** The inputs of a kernel with one special value among them: NaN in every place, the others in a few. */
function* planted(kernel: string, inputs: readonly TestInput[]): Generator<{ inputs: TestInput[]; where: string }> {
  const given = inputs.map((input, index) => ({ ...input, values: inputValues(input, index) }));
  for (const [index, input] of given.entries()) {
    if (input.int === true) continue;
    for (let place = 0; place < input.values.length; place++) {
      for (const value of place % 5 === 0 ? [Number.NaN, ...OTHERS] : [Number.NaN]) {
        if (DIFFERENT[kernel]?.values.some((known) => Object.is(known, value))) continue;
        const planted = { ...input, values: input.values.with(place, value) };
        yield { inputs: given.with(index, planted), where: `${value} in place ${place} of input ${index}` };
      }
    }
  }
}

describe("NaN, infinity, the zeros and the smallest numbers in WebAssembly", () => {
  it.each(kernelCases)("%s treats them as tfjs does", (kernel, work, inputs, flat) => {
    const run = compileWasmGraph(graphOf(work, inputs));
    const seen: string[] = [];
    for (const { inputs: special, where } of planted(kernel, inputs)) {
      const found = difference(run(special), runEagerly(work, special), 1e-5);
      if (found !== undefined) seen.push(`${where}: ${found}`);
    }
    if (flat !== "flat") {
      const gradient = gradientOf(work);
      const runGradient = compileWasmGraph(graphOf(gradient, inputs));
      for (const { inputs: special, where } of planted(kernel, inputs)) {
        const found = difference(runGradient(special), runEagerly(gradient, special), 1e-5);
        if (found !== undefined) seen.push(`gradient, ${where}: ${found}`);
      }
    }
    expect(seen).toEqual([]);
  });
});
