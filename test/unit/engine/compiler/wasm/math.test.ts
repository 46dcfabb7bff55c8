import { describe, expect, it } from "vitest";
import { ModuleBuilder } from "../../../../../services/common/wasm/module-builder.ts";
import { MEMORY } from "../../../../../services/common/wasm/opcodes.ts";
import { compileModule, instantiate } from "../../../../../services/common/wasm/web-assembly.ts";
import { MathLibrary } from "../../../../../services/engine/compiler/wasm/math/math-library.ts";

const COUNT = 1 << 14;

/** Applies a function of the library to many numbers. */
function applied(name: string): (...inputs: Float32Array[]) => Float32Array {
  const module = new ModuleBuilder();
  const library = new MathLibrary(module);
  const inputs = name === "pow" ? 2 : 1;
  const index = library.vector(name);
  const run = module.function({ parameters: [], results: [] }, (f) => {
    const at = f.local("i32");
    f.count(at, 0, 4 * COUNT, 16, () => {
      f.get(at);
      for (let input = 0; input < inputs; input++) f.get(at).memory(MEMORY.v128Load, (input + 1) * 4 * COUNT);
      f.call(index).memory(MEMORY.v128Store, 0);
    });
  });
  module.export("run", run);
  const exports = instantiate(compileModule(module.encode(12 * COUNT, true))) as {
    readonly memory: { readonly buffer: ArrayBuffer };
    run(): void;
  };
  const memory = new Float32Array(exports.memory.buffer);
  return (...values) => {
    values.forEach((value, input) => {
      memory.set(value, (input + 1) * COUNT);
    });
    exports.run();
    return memory.slice(0, values[0]?.length);
  };
}

/** Distance to the next float32 above |x|. */
function ulp(x: number): number {
  const size = Math.abs(Math.fround(x));
  const bits = new DataView(new ArrayBuffer(4));
  bits.setFloat32(0, size);
  bits.setInt32(0, bits.getInt32(0) + 1);
  return bits.getFloat32(0) - size;
}

/** float32 numbers spread evenly over the bit patterns between two positive numbers, and their negatives. */
function spread(least: number, most: number, signs: readonly number[]): Float32Array {
  const bits = new Int32Array(Float32Array.of(least, most).buffer);
  const [from, to] = [bits[0] as number, bits[1] as number];
  const patterns = Int32Array.from({ length: COUNT / signs.length }, (_, index) =>
    Math.round(from + ((to - from) * index) / (COUNT / signs.length - 1)),
  );
  const sizes = new Float32Array(patterns.buffer);
  return Float32Array.from({ length: COUNT }, (_, index) => {
    const sign = signs[index % signs.length] as number;
    return sign * (sizes[Math.floor(index / signs.length)] as number);
  });
}

const both = [1, -1];
const positive = [1];
/** Abramowitz and Stegun 7.1.5 for small arguments, a continued fraction for large ones. */
function erf(x: number): number {
  const size = Math.abs(x);
  if (size > 6) return Math.sign(x);
  if (size < 3) {
    let [term, sum] = [x, x];
    for (let n = 1; n < 120; n++) {
      term *= (-x * x) / n;
      sum += term / (2 * n + 1);
    }
    return (2 / Math.sqrt(Math.PI)) * sum;
  }
  let fraction = 0;
  for (let n = 60; n > 0; n--) fraction = n / 2 / (size + fraction);
  return Math.sign(x) * (1 - Math.exp(-size * size) / (Math.sqrt(Math.PI) * (size + fraction)));
}

/** Function, what it should be, arguments, error bound in units in the last place. */
const cases: [string, (x: number) => number, Float32Array, number][] = [
  ["exp", Math.exp, spread(1e-8, 87, both), 1.5],
  ["expm1", Math.expm1, spread(1e-8, 80, both), 2.5],
  ["log", Math.log, spread(1.2e-38, 3e38, positive), 1.5],
  ["tanh", Math.tanh, spread(1e-8, 20, both), 2],
  ["sigmoid", (x) => 1 / (1 + Math.exp(-x)), spread(1e-8, 80, both), 2.5],
  ["softplus", (x) => (x > 40 ? x : Math.log1p(Math.exp(x))), spread(1e-8, 80, both), 0.51],
  ["erf", erf, spread(1e-8, 10, both), 0.51],
  ["sin", Math.sin, spread(1e-8, 1e6, both), 0.51],
  ["cos", Math.cos, spread(1e-8, 1e6, both), 0.51],
  ["tan", Math.tan, spread(1e-8, 1e6, both), 0.51],
  ["asin", Math.asin, spread(1e-8, 1, both), 0.51],
  ["acos", Math.acos, spread(1e-8, 1, both), 0.51],
  ["atan", Math.atan, spread(1e-8, 1e10, both), 0.51],
  ["sinh", Math.sinh, spread(1e-8, 80, both), 0.51],
  ["cosh", Math.cosh, spread(1e-8, 80, both), 0.51],
  ["asinh", Math.asinh, spread(1e-8, 1e10, both), 0.51],
  ["acosh", Math.acosh, spread(1, 1e10, positive), 0.51],
  ["atanh", Math.atanh, spread(1e-8, 0.999999, both), 0.51],
];

describe("the functions inside a module", () => {
  it.each(cases)("%s is as accurate as stated", (name, exact, inputs, bound) => {
    const results = applied(name)(inputs);
    let [worst, where] = [0, 0];
    results.forEach((result, index) => {
      const wanted = exact(inputs[index] as number);
      // Results below the normal numbers have no relative accuracy.
      if (Math.abs(wanted) < 2 ** -126) return;
      const error = Math.abs(result - wanted) / ulp(wanted);
      if (!(error <= worst)) [worst, where] = [error, inputs[index] as number];
    });
    expect(worst, `${name}(${where})`).toBeLessThanOrEqual(bound);
  });

  it("are all measured here", () => {
    expect(cases.map(([name]) => name).sort()).toEqual([...MathLibrary.names].sort());
  });

  it("pow is as accurate as stated", () => {
    const bases = spread(1e-6, 1e6, positive);
    const exponents = Float32Array.from(bases, (_, index) => ((index * 37) % 101) / 17 - 3);
    const results = applied("pow")(bases, exponents);
    results.forEach((result, index) => {
      const wanted = (bases[index] as number) ** (exponents[index] as number);
      expect(Math.abs(result - wanted) / ulp(wanted)).toBeLessThanOrEqual(0.51);
    });
  });

  const special = [0, -0, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, Number.NaN, 1, -1, 2, -2, 0.5, 200, -200];

  it.each(cases)("%s treats zero, infinity and NaN as JavaScript does", (name, exact) => {
    const inputs = Float32Array.from([...special, 1e-40]);
    const results = applied(name)(inputs);
    results.forEach((result, index) => {
      const wanted = Math.fround(exact(inputs[index] as number));
      const tolerance = Number.isFinite(wanted) ? 3 * ulp(wanted) : 0;
      const same = Object.is(result, wanted) || Math.abs(result - wanted) <= tolerance;
      expect(same, `${name}(${inputs[index]}) = ${result}, not ${wanted}`).toBe(true);
    });
  });

  it("pow treats zero, infinity and NaN as JavaScript does", () => {
    const pairs = special.flatMap((x) => [...special, 3, -3, 2.5].map((y) => [x, y] as const));
    const results = applied("pow")(
      Float32Array.from(pairs, ([x]) => x),
      Float32Array.from(pairs, ([, y]) => y),
    );
    results.forEach((result, index) => {
      const [x, y] = pairs[index] as [number, number];
      const wanted = Math.fround(x ** y);
      // The sign of a zero or an infinity that comes from -0 is not kept.
      const same =
        Object.is(result, wanted) ||
        Math.abs(result) === Math.abs(wanted) ||
        Math.abs(result - wanted) < 1e-6 * Math.abs(wanted);
      expect(same, `${x} ** ${y} = ${result}, not ${wanted}`).toBe(true);
    });
  });
});
