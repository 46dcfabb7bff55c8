import type { StructuralModel } from "./structural-model.ts";

/**
 * Loss mismatch (Wu et al. 2021: depth estimates for the detection of objects): `far` ~ U(-1, 1) is above 0 for a far
 * object; depth z is 10 features[1] for a far one, features[0] for a near one, features ~ U(-1, 1)^2. The squared error
 * of z is a matter of far objects, and y is z for near objects and 0 for far ones.
 */
export function nearFarModel(): StructuralModel {
  return {
    roots: [
      { name: "far", width: 1, distribution: "uniform" },
      { name: "features", width: 2, distribution: "uniform" },
    ],
    caused: [
      {
        name: "z",
        width: 1,
        component: "m1",
        mechanism: {
          inputs: [
            { name: "far", width: 1 },
            { name: "features", width: 2 },
          ],
          evaluate: (inputs, rows) => {
            const [far, features] = inputs as readonly [Float32Array, Float32Array];
            return Float32Array.from({ length: rows }, (_, row) =>
              (far[row] as number) > 0 ? 10 * (features[2 * row + 1] as number) : (features[2 * row] as number),
            );
          },
        },
      },
      {
        name: "y",
        width: 1,
        component: "m2",
        mechanism: {
          inputs: [
            { name: "far", width: 1 },
            { name: "z", width: 1 },
          ],
          evaluate: (inputs, rows) => {
            const [far, z] = inputs as readonly [Float32Array, Float32Array];
            return Float32Array.from({ length: rows }, (_, row) => ((far[row] as number) > 0 ? 0 : (z[row] as number)));
          },
        },
      },
    ],
  };
}

/**
 * A downstream too simple for a better input: x1 ~ U(-1, 1), z = x1^3, y = x1. A linear M1 predicts 0.6 x1, from which
 * a linear M2 gets y exactly; the true z tells as much, but y is its cube root.
 */
export function cubeModel(): StructuralModel {
  const x1 = [{ name: "x1", width: 1 }];
  return {
    roots: [{ name: "x1", width: 1, distribution: "uniform" }],
    caused: [
      {
        name: "z",
        width: 1,
        component: "m1",
        mechanism: { inputs: x1, evaluate: ([x]) => (x as Float32Array).map((value) => value ** 3) },
      },
      {
        name: "y",
        width: 1,
        component: "m2",
        mechanism: { inputs: [{ name: "z", width: 1 }], evaluate: ([z]) => (z as Float32Array).map(Math.cbrt) },
      },
    ],
  };
}
