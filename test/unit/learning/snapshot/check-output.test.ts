import { expect, test } from "vitest";
import { checkOutput } from "../../../../services/learning/snapshot/check-output.ts";

const probabilities = { name: "p", width: 2, meaning: "probabilities" } as const;
const real = { name: "z", width: 2, meaning: "real" } as const;

test.each([
  ["real numbers of any size", real, [1e30, -1e30, 0, 1]],
  ["probabilities", probabilities, [0.25, 0.75, 1, 0]],
  ["probabilities that float32 has rounded", probabilities, [0.3334, 0.6669, -1e-7, 1.0000001]],
] as const)("%s pass", (_, output, values) => {
  expect(checkOutput(output, Float32Array.from(values))).toBeUndefined();
});

test.each([
  ["NaN", real, [1, 2, 3, Number.NaN], "not-finite", "z is not finite in row 2"],
  ["infinity", real, [Number.NEGATIVE_INFINITY, 2], "not-finite", "z is not finite in row 1"],
  ["a NaN probability", probabilities, [Number.NaN, 1], "not-finite", "p is not finite in row 1"],
  ["a negative probability", probabilities, [0.5, 0.5, -0.5, 1.5], "not-probabilities", "p is outside [0, 1] in row 2"],
  ["a probability above 1", probabilities, [1.5, -0.5], "not-probabilities", "p is outside [0, 1] in row 1"],
  ["a sum below 1", probabilities, [0.5, 0.25], "not-probabilities", "p does not sum to 1 over the classes in row 1"],
] as const)("%s is found, with its row", (_, output, values, reason, detail) => {
  expect(checkOutput(output, Float32Array.from(values))).toEqual({ reason, detail });
});
