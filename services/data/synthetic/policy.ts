import { exp } from "../../common/elementary.ts";
import { drawNetworks, TWO_STAGE } from "./networks.ts";
import type { StructuralModel } from "./structural-model.ts";

const ACTIONS = 4;

/**
 * A pipeline that ends in a decision: `two-stage`, except that M2* outputs the reward of each of four actions (`rewards`,
 * mean 0 and variance 1 each). The data also has the columns of a log: the `action` of a logging policy, softmax(x2 / 2)
 * over the first four coordinates of x2, its `propensity`, and the `reward` of that action only.
 */
export function policyModel(seed: number): StructuralModel {
  const [m1, m2] = TWO_STAGE.networks;
  const decisions = drawNetworks(
    { roots: TWO_STAGE.roots, networks: [m1, { ...m2, output: "rewards", width: ACTIONS }] },
    seed,
  );
  const chosen = (x2: Float32Array, draw: Float32Array, row: number): { action: number; propensity: number } => {
    const weights = Array.from({ length: ACTIONS }, (_, a) => exp((x2[row * 5 + a] as number) / 2));
    const total = weights.reduce((sum, weight) => sum + weight, 0);
    let left = (((draw[row] as number) + 1) / 2) * total;
    let action = 0;
    while (action < ACTIONS - 1 && left >= (weights[action] as number)) {
      left -= weights[action] as number;
      action += 1;
    }
    return { action, propensity: (weights[action] as number) / total };
  };
  const ofChoice = (name: "action" | "propensity") => ({
    name,
    width: 1,
    mechanism: {
      inputs: [
        { name: "x2", width: 5 },
        { name: "draw", width: 1 },
      ],
      evaluate: (inputs: readonly Float32Array[], rows: number) => {
        const [x2, draw] = inputs as readonly [Float32Array, Float32Array];
        return Float32Array.from({ length: rows }, (_, row) => chosen(x2, draw, row)[name]);
      },
    },
  });
  return {
    roots: [...decisions.roots, { name: "draw", width: 1, distribution: "uniform" }],
    caused: [
      ...decisions.caused,
      ofChoice("action"),
      ofChoice("propensity"),
      {
        name: "reward",
        width: 1,
        mechanism: {
          inputs: [
            { name: "rewards", width: ACTIONS },
            { name: "action", width: 1 },
          ],
          evaluate: (inputs, rows) => {
            const [rewards, action] = inputs as readonly [Float32Array, Float32Array];
            return Float32Array.from(
              { length: rows },
              (_, row) => rewards[row * ACTIONS + (action[row] as number)] as number,
            );
          },
        },
      },
    ],
  };
}
