import { cbrt } from "../../common/elementary.ts";
import type { StructuralModel } from "./structural-model.ts";

/**
 * Loss mismatch (Wu et al. 2021: depth estimates for object detection): `far` ~ U(-1, 1) is positive for far objects; the
 * depth z is 10 features[1] for far objects and features[0] for near ones, with features ~ U(-1, 1)^2. Far objects
 * dominate the squared error of z, but y is z for near objects and 0 for far ones.
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
 * A downstream model too simple for a better input: x1 ~ U(-1, 1), z = x1^3, y = x1. A linear M1 predicts 0.6 x1, from
 * which a linear M2 computes y exactly. The true z carries the same information, but y is its cube root.
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
        mechanism: { inputs: x1, evaluate: ([x]) => (x as Float32Array).map((value) => value * value * value) },
      },
      {
        name: "y",
        width: 1,
        component: "m2",
        mechanism: { inputs: [{ name: "z", width: 1 }], evaluate: ([z]) => (z as Float32Array).map(cbrt) },
      },
    ],
  };
}

/** Coordinates of the output in `wideModel`. */
export const WIDE = 16;

/**
 * A better input that takes more rows to learn from: z ~ N(0, 1)^16, of which M1 reads everything, and y is the sum of z
 * over 4, of variance 1, plus noise ~ N(0, 1).
 */
export function wideModel(): StructuralModel {
  return {
    roots: [
      { name: "x1", width: WIDE, distribution: "gaussian" },
      { name: "noise", width: 1, distribution: "gaussian" },
    ],
    caused: [
      {
        name: "z",
        width: WIDE,
        component: "m1",
        mechanism: {
          inputs: [{ name: "x1", width: WIDE }],
          evaluate: ([x]) => (x as Float32Array).slice(),
        },
      },
      {
        name: "y",
        width: 1,
        component: "m2",
        mechanism: {
          inputs: [
            { name: "z", width: WIDE },
            { name: "noise", width: 1 },
          ],
          evaluate: (inputs, rows) => {
            const [z, noise] = inputs as readonly [Float32Array, Float32Array];
            return Float32Array.from({ length: rows }, (_, row) => signal(z, row) + (noise[row] as number));
          },
        },
      },
    ],
  };
}

/** What y of `wideModel` depends on: the sum of the coordinates of a row over 4. */
export function signal(z: Float32Array, row: number): number {
  let sum = 0;
  for (let i = 0; i < WIDE; i++) sum += z[row * WIDE + i] as number;
  return sum / 4;
}
