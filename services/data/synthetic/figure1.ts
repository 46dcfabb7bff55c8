import type { StructuralModel } from "./structural-model.ts";

/**
 * The paper's Figure 1: x1 ~ U(-1, 1), x2 ~ N(0, 1), z = a x1^2 + b x1, y = x2 + z. A linear M1 misses the square; an M2
 * trained on its predictions learns to correct for that, and overcorrects once M1 is right.
 */
export function figure1Model(a: number, b: number): StructuralModel {
  return {
    roots: [
      { name: "x1", width: 1, distribution: "uniform" },
      { name: "x2", width: 1, distribution: "gaussian" },
    ],
    caused: [
      {
        name: "z",
        width: 1,
        component: "m1",
        mechanism: {
          inputs: [{ name: "x1", width: 1 }],
          evaluate: ([x1]) => (x1 as Float32Array).map((x) => a * x * x + b * x),
        },
      },
      {
        name: "y",
        width: 1,
        component: "m2",
        mechanism: {
          inputs: [
            { name: "x2", width: 1 },
            { name: "z", width: 1 },
          ],
          layers: [{ weights: Float32Array.of(1, 1), bias: Float32Array.of(0), inputs: 2, outputs: 1 }],
        },
      },
    ],
  };
}
