import { exp, square } from "../../common/elementary.ts";
import type { StructuralModel } from "./structural-model.ts";

/** What revenue depends on: the click itself, or the probability of a click. */
export type RevenueCause = "click" | "propensity";

const X1_WIDTH = 2;
const X2_WIDTH = 2;
const NOISE = 0.1;

/**
 * Clicks and revenue, where M1 predicts a probability and the data has a label: x1 [2] ~ N(0, I); the propensity of a
 * click is sigmoid of the sum over x1 of x + 0.8 (x^2 - 1); click ~ Bernoulli(propensity). x2 [2] ~ N(0, I);
 * y = base(x2) + price(x2) g + 0.1 N(0, 1), with g = click if revenue is paid per click, and g = propensity^2 if the
 * page gives probable clicks a better place.
 */
export function clicksModel(cause: RevenueCause): StructuralModel {
  return {
    roots: [
      { name: "x1", width: X1_WIDTH, distribution: "gaussian" },
      { name: "x2", width: X2_WIDTH, distribution: "gaussian" },
      { name: "draw", width: 1, distribution: "uniform" },
      { name: "noise", width: 1, distribution: "gaussian" },
    ],
    caused: [
      {
        name: "click",
        width: 1,
        component: "m1",
        mechanism: {
          inputs: [
            { name: "x1", width: X1_WIDTH },
            { name: "draw", width: 1 },
          ],
          evaluate: ([x1, draw], rows) => {
            const propensities = clickPropensities(x1 as Float32Array);
            return Float32Array.from({ length: rows }, (_, row) =>
              ((draw as Float32Array)[row] as number) < 2 * (propensities[2 * row + 1] as number) - 1 ? 1 : 0,
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
            { name: "x1", width: X1_WIDTH },
            { name: "x2", width: X2_WIDTH },
            { name: "click", width: 1 },
            { name: "noise", width: 1 },
          ],
          evaluate: ([x1, x2, click, noise], rows) => {
            const z =
              cause === "propensity"
                ? clickPropensities(x1 as Float32Array)
                : (click as Float32Array).reduce(
                    (labels, value, row) => labels.fill(value, 2 * row + 1, 2 * row + 2),
                    new Float32Array(2 * rows),
                  );
            return expectedRevenue(cause, x2 as Float32Array, z).map(
              (y, row) => y + NOISE * ((noise as Float32Array)[row] as number),
            );
          },
        },
      },
    ],
  };
}

/** M1* of `clicks`. @param x1 [rows * 2] @returns the probabilities of no click and of a click, [rows * 2] */
export function clickPropensities(x1: Float32Array): Float32Array {
  const propensities = new Float32Array(x1.length);
  for (let start = 0; start < x1.length; start += X1_WIDTH) {
    let logit = 0;
    for (let k = start; k < start + X1_WIDTH; k++) logit += (x1[k] as number) + 0.8 * (square(x1[k] as number) - 1);
    const click = 1 / (1 + exp(-logit));
    propensities.set([1 - click, click], start);
  }
  return propensities;
}

/**
 * M2* of `clicks`: E[y | x2, z], where z is the probability of a click. Linear in z if revenue is paid per click.
 *
 * @param x2 [rows * 2]; @param z the probabilities of no click and of a click, [rows * 2] @returns [rows]
 */
export function expectedRevenue(cause: RevenueCause, x2: Float32Array, z: Float32Array): Float32Array {
  return Float32Array.from({ length: z.length / 2 }, (_, row) => {
    const click = z[2 * row + 1] as number;
    const price = 1 + exp((x2[X2_WIDTH * row] as number) / 2);
    const base = (x2[X2_WIDTH * row + 1] as number) / 2;
    return base + price * (cause === "click" ? click : square(click));
  });
}
