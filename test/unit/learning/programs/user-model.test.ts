import * as tf from "@tensorflow/tfjs";
import { expect, test } from "vitest";
import { userNetwork } from "../../../../services/learning/programs/user-model.ts";
import { withoutVagueMath } from "../../../helpers/vague-math.ts";

const INITIALIZERS = [
  "randomNormal",
  "truncatedNormal",
  "glorotNormal",
  "glorotUniform",
  "heNormal",
  "heUniform",
  "leCunNormal",
  "leCunUniform",
  "orthogonal",
  "randomUniform",
] as const;

test.each(INITIALIZERS)(
  "the initial weights of a model with %s are the same in every JavaScript engine",
  async (name) => {
    const shape = { inputs: 6, outputs: 4, seed: 5 };
    const network = userNetwork(
      {
        buildModel: (tfjs, { inputs, outputs, seed }) =>
          tfjs.sequential({
            layers: [
              tfjs.layers.dense({
                units: outputs,
                inputShape: [inputs],
                kernelInitializer: tfjs.initializers[name]({ seed }),
              }),
            ],
          }),
      },
      shape,
      "model.ts",
    );
    await tf.setBackend("cpu");
    const weights = () => {
      const built = network();
      const values = Object.values(built.variables).map((variable) => [...variable.dataSync()]);
      built.dispose();
      return values;
    };
    const repeatable = withoutVagueMath(weights);
    expect(new Set(repeatable[0]).size).toBeGreaterThan(20);
    expect(weights()).toEqual(repeatable);
  },
);
