import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { DataSource, Rows } from "../../../../services/data/source/data-source.ts";
import { evaluateOracle } from "../../../../services/data/source/oracle.ts";
import { clickPropensities, expectedRevenue } from "../../../../services/data/synthetic/clicks.ts";
import { createSyntheticSource } from "../../../../services/data/synthetic/synthetic-source.ts";
import type { SyntheticSource } from "../../../../services/pipeline/pipeline.ts";

const spec = (over: Partial<SyntheticSource> = {}): SyntheticSource => ({
  source: "synthetic",
  generator: "two-stage",
  seed: 7,
  rows: 2000,
  testFraction: 0.5,
  ...over,
});

const open = (over: Partial<SyntheticSource> = {}) => createSyntheticSource(spec(over));

function numbers(rows: Rows, name: string): Float32Array {
  const column = rows.table.columns[name];
  if (column?.kind !== "numeric") throw new Error(`no numeric column ${name}`);
  return column.values;
}

describe("a synthetic source", () => {
  test("generates the same rows on every machine", async () => {
    // Recorded once. A change affects every published result.
    const fingerprints: string[] = [];
    for (const generator of ["two-stage", "figure1", "chain", "diamond"]) {
      const source = open({ generator, rows: 200 });
      const names = (await source.schema()).map(({ name }) => name);
      fingerprints.push((await source.trainingRows(names)).fingerprint.slice(0, 16));
    }
    expect(fingerprints).toEqual(["9a328d8049f6b2aa", "439cad1b16a00757", "1253cc657057fe3e", "af4cb95c32f5e60a"]);
  });

  test("documents its columns", async () => {
    const columns = async (generator: string) =>
      (await open({ generator }).schema()).map(({ name, kind, width }) => `${name}:${kind}:${width}`).join(" ");
    expect(await columns("two-stage")).toBe("x1:numeric:10 x2:numeric:5 z:numeric:3 y:numeric:1");
    expect(await columns("figure1")).toBe("x1:numeric:1 x2:numeric:1 z:numeric:1 y:numeric:1");
    expect(await columns("chain")).toBe(
      "x1:numeric:10 x2:numeric:5 x3:numeric:5 z1:numeric:3 z2:numeric:3 y:numeric:1",
    );
    expect(await columns("diamond")).toBe(
      "x1:numeric:10 x2:numeric:5 x3:numeric:5 x4:numeric:5 z1:numeric:3 z2:numeric:3 z3:numeric:3 y:numeric:1",
    );
  });

  test("a different seed gives a different process and different rows", async () => {
    const [a, b] = await Promise.all([7, 8].map((seed) => open({ seed }).trainingRows(["x1", "z"])));
    expect(numbers(a as Rows, "x1")[0]).not.toBe(numbers(b as Rows, "x1")[0]);
    const layers = [7, 8].map((seed) => open({ seed }).oracle("m2")?.layers[0]?.weights[0]);
    expect(layers[0]).not.toBe(layers[1]);
  });

  test("more rows or fewer columns change no existing value", async () => {
    const whole = await open({ rows: 12_000 }).trainingRows(["x1", "x2", "z", "y"]);
    const few = await open({ rows: 500 }).trainingRows(["y", "x1"]);
    expect(numbers(few, "x1")).toEqual(numbers(whole, "x1").subarray(0, few.table.rows * 10));
    expect(numbers(few, "y")).toEqual(numbers(whole, "y").subarray(0, few.table.rows));
    const limited = await open({ rows: 12_000 }).trainingRows(["z"], { limit: 7 });
    expect(numbers(limited, "z")).toEqual(numbers(whole, "z").subarray(0, 21));
  });

  test("returns exactly the requested columns", async () => {
    const rows = await open().trainingRows(["x2", "y"]);
    expect(Object.keys(rows.table.columns)).toEqual(["x2", "y"]);
    await expect(open().trainingRows(["x3"])).rejects.toThrow('unknown column "x3"; did you mean "x1"?');
  });

  test("every row is on one side of the split, and each side has the expected size", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 500, max: 3000 }),
        fc.double({ min: 0.1, max: 0.9, noNaN: true }),
        async (rows, fraction) => {
          const source = open({ generator: "figure1", rows, testFraction: fraction });
          const training = numbers(await source.trainingRows(["x1"]), "x1");
          const heldOut = numbers(await source.heldOutRows(["x1"]), "x1");
          expect(training.length + heldOut.length).toBe(rows);
          // Uniform numbers in float32 rarely coincide.
          const shared = new Set(training);
          expect(heldOut.filter((value) => shared.has(value)).length).toBeLessThanOrEqual(2);
          expect(Math.abs(heldOut.length / rows - fraction)).toBeLessThan(5 * Math.sqrt(0.25 / rows));
        },
      ),
      { numRuns: 20 },
    );
  });

  test("x2 takes as many values as levels, about equally often, and the process uses them", async () => {
    const source = open({ rows: 2000, parameters: { levels: 8 } });
    const rows = await source.trainingRows(["x2", "z", "y"]);
    const { table } = rows;
    const x2 = numbers(rows, "x2");
    const counts = new Map<string, number>();
    for (let row = 0; row < table.rows; row++) {
      const key = x2.subarray(row * 5, row * 5 + 5).join();
      counts.set(key, (counts.get(key) ?? 0) + 1);
    }
    expect(counts.size).toBe(8);
    expect(Math.min(...counts.values())).toBeGreaterThan(table.rows / 16);
    const oracle = source.oracle("m2");
    if (oracle === undefined) throw new Error("no oracle of m2");
    expect(evaluateOracle(oracle, [x2, numbers(rows, "z")], table.rows)).toEqual(numbers(rows, "y"));
  });

  test("sampled rows are the first audited ones, or all training rows", async () => {
    const source = open({ generator: "figure1" });
    const sampled = await source.sampleRows(["x1"], ["anything"], 20);
    expect(sampled.labels).toEqual({});
    expect(numbers(sampled, "x1")).toEqual(numbers(await source.auditRows(["x1"], [], 20), "x1"));
    const training = numbers(await source.trainingRows(["x1"]), "x1");
    expect(numbers(await source.sampleRows(["x1"], [], 1e6), "x1").sort()).toEqual(training.sort());
  });

  test("audited rows are training rows, and a smaller sample is a prefix of a larger one", async () => {
    const source = open({ generator: "figure1" });
    const training = new Set(numbers(await source.trainingRows(["x1"]), "x1"));
    const small = await source.auditRows(["x1"], ["z"], 20);
    const large = await source.auditRows(["x1"], ["z"], 100);
    expect(Object.keys(small.table.columns).sort()).toEqual(["x1", "z"]);
    for (const value of numbers(large, "x1")) expect(training.has(value)).toBe(true);
    expect(numbers(small, "x1")).toEqual(numbers(large, "x1").subarray(0, 20));
    await expect(source.auditRows(["x1"], ["z"], 2000)).rejects.toThrow("2000 audited rows requested, but only");
  });

  test("rejects an unknown generator or parameter and lists the available ones", () => {
    expect(() => open({ generator: "twostage" })).toThrow(
      'data.generator: unknown generator "twostage"; available: two-stage, figure1, near-far, cube, wide, clicks, policy, chain, diamond; did you mean "two-stage"?',
    );
    expect(() => open({ generator: "figure1", parameters: { c: 1 } })).toThrow('has no parameter "c"; available: a, b');
    expect(() => open({ parameters: { a: 1 } })).toThrow(
      'generator "two-stage" has no parameter "a"; available: levels',
    );
  });
});

describe("figure1", () => {
  test("z = a x1^2 + b x1 and y = x2 + z, with x1 in [-1, 1]", async () => {
    const rows = await open({ generator: "figure1", parameters: { a: 3, b: -1 } }).trainingRows(["x1", "x2", "z", "y"]);
    const [x1, x2, z, y] = ["x1", "x2", "z", "y"].map((name) => numbers(rows, name)) as [
      Float32Array,
      Float32Array,
      Float32Array,
      Float32Array,
    ];
    for (let i = 0; i < rows.table.rows; i += 1) {
      const x = x1[i] as number;
      expect(Math.abs(x)).toBeLessThanOrEqual(1);
      expect(z[i]).toBeCloseTo(3 * x * x - x, 5);
      expect(y[i]).toBeCloseTo((x2[i] as number) + (z[i] as number), 5);
    }
    const variance = x1.reduce((sum, x) => sum + x * x, 0) / x1.length;
    expect(Math.abs(variance - 1 / 3)).toBeLessThan(0.03);
  });
});

describe("clicks", () => {
  test("clicks have their propensity, and revenue is as expected given the click or its propensity", async () => {
    for (const cause of ["click", "propensity"] as const) {
      const parameters = { propensity: cause === "propensity" ? 1 : 0 };
      const rows = await open({ generator: "clicks", rows: 20_000, parameters }).trainingRows([
        "x1",
        "x2",
        "click",
        "y",
      ]);
      const propensities = clickPropensities(numbers(rows, "x1"));
      const click = numbers(rows, "click");
      let [expected, seen, bins] = [0, 0, 0];
      for (let row = 0; row < rows.table.rows; row += 1) {
        const probability = propensities[2 * row + 1] as number;
        expect((propensities[2 * row] as number) + probability).toBeCloseTo(1, 6);
        if (probability < 0.7) continue;
        expected += probability;
        seen += click[row] as number;
        bins += 1;
      }
      expect(Math.abs(seen - expected) / bins).toBeLessThan(0.02);
      const z =
        cause === "propensity" ? propensities : Float32Array.from(propensities, (_, i) => oneHotClick(click, i));
      const revenue = expectedRevenue(cause, numbers(rows, "x2"), z);
      const noise = numbers(rows, "y").map((y, row) => y - (revenue[row] as number));
      const variance = noise.reduce((sum, value) => sum + value * value, 0) / noise.length;
      expect(Math.abs(variance - 0.01)).toBeLessThan(0.0005);
    }
  });
});

function oneHotClick(click: Float32Array, i: number): number {
  const label = click[Math.floor(i / 2)] as number;
  return i % 2 === 1 ? label : 1 - label;
}

describe("the network generators", () => {
  const consumers = { "two-stage": ["m2"], figure1: ["m2"], chain: ["m2", "m3"], diamond: ["m2", "m3", "m4"] };
  const outputs: Readonly<Record<string, string>> = { m1: "z1", m2: "z2", m3: "z3", m4: "y" };
  const outputOf = (generator: string, component: string, last: string) =>
    component === last ? "y" : generator === "two-stage" ? "z" : (outputs[component] as string);

  test.each(Object.entries(consumers))(
    "%s: the oracle of a consumer gives its column exactly",
    async (generator, components) => {
      const source = open({ generator, rows: 300 });
      for (const component of components) {
        const oracle = source.oracle(component);
        if (oracle === undefined) throw new Error(`no oracle for ${component}`);
        const output = outputOf(generator, component, components.at(-1) as string);
        const rows = await source.trainingRows([...oracle.inputs.map(({ name }) => name), output]);
        const inputs = oracle.inputs.map(({ name }) => numbers(rows, name));
        expect(evaluateOracle(oracle, inputs, rows.table.rows)).toEqual(numbers(rows, output));
        // A component's inputs are its own columns, then the outputs of its upstream.
        expect(oracle.inputs[0]?.name).toMatch(/^x/);
        expect(oracle.inputs.at(-1)?.name).toMatch(/^z/);
      }
      expect(source.oracle("nobody")).toBeUndefined();
    },
  );

  test("two-stage: z and y are standardized over rows outside any data set, and z is three quarters linear in x1", async () => {
    let linear = 0;
    for (let seed = 0; seed < 10; seed += 1) {
      const rows = await open({ seed, rows: 6000 }).trainingRows(["x1", "z", "y"]);
      const z = numbers(rows, "z");
      for (const [values, width] of [
        [z, 3],
        [numbers(rows, "y"), 1],
      ] as const) {
        for (let j = 0; j < width; j += 1) {
          const { mean, variance } = moments(coordinate(values, width, j));
          expect(Math.abs(mean)).toBeLessThan(0.1);
          expect(Math.abs(variance - 1)).toBeLessThan(0.15);
        }
      }
      for (let j = 0; j < 3; j += 1) linear += explainedByLine(numbers(rows, "x1"), 10, coordinate(z, 3, j)) / 30;
    }
    expect(linear).toBeGreaterThan(0.68);
    expect(linear).toBeLessThan(0.84);
  });

  test("two-stage: over ten seeds, y depends on both z and x2, and more on z", async () => {
    let onZ = 0;
    let onX2 = 0;
    for (let seed = 0; seed < 10; seed += 1) {
      const source = open({ seed, rows: 6000 });
      const rows = await source.trainingRows(["x2", "z", "y"]);
      onZ += (await totalEffect(source, rows, "z")) / 10;
      onX2 += (await totalEffect(source, rows, "x2")) / 10;
    }
    expect(onZ).toBeGreaterThan(0.55);
    expect(onZ).toBeLessThan(0.9);
    expect(onX2).toBeGreaterThan(0.2);
    expect(onX2).toBeLessThan(0.6);
    expect(onZ).toBeGreaterThan(onX2);
  });
});

/** Total Sobol index of y for one input: half the mean squared change of y when only that input is redrawn (Jansen). */
async function totalEffect(source: DataSource, rows: Rows, name: "x2" | "z"): Promise<number> {
  const oracle = source.oracle("m2");
  if (oracle === undefined) throw new Error("no oracle");
  const y = numbers(rows, "y");
  const inputs = oracle.inputs.map((input) => {
    const values = numbers(rows, input.name);
    if (input.name !== name) return values;
    // The next row's value: an independent draw.
    const rolled = new Float32Array(values.length);
    rolled.set(values.subarray(input.width));
    rolled.set(values.subarray(0, input.width), values.length - input.width);
    return rolled;
  });
  const redrawn = evaluateOracle(oracle, inputs, rows.table.rows);
  const change = y.reduce((sum, value, i) => sum + (value - (redrawn[i] as number)) ** 2, 0) / (2 * y.length);
  return change / moments(y).variance;
}

function coordinate(values: Float32Array, width: number, j: number): Float32Array {
  return values.filter((_, i) => i % width === j);
}

function moments(values: Float32Array): { readonly mean: number; readonly variance: number } {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  return { mean, variance: values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length };
}

/** R^2 of ordinary least squares with intercept. The columns of x are independent, so each is fitted separately. */
function explainedByLine(x: Float32Array, width: number, z: Float32Array): number {
  const { mean, variance } = moments(z);
  let explained = 0;
  for (let j = 0; j < width; j += 1) {
    const column = coordinate(x, width, j);
    const own = moments(column);
    const covariance =
      column.reduce((sum, value, i) => sum + (value - own.mean) * ((z[i] as number) - mean), 0) / column.length;
    explained += covariance ** 2 / own.variance;
  }
  return explained / variance;
}
