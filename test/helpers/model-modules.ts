import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";

/**
 * Writes a user's model: model.ts, whose width comes from helper.ts beside it.
 *
 * @param prelude what model.ts does when it is loaded
 * @param inLoss what its loss does first
 * @returns the path of model.ts
 */
export async function writeModelModule(
  folder: string,
  { prelude = "", inLoss = "", width = 6 }: { prelude?: string; inLoss?: string; width?: number } = {},
): Promise<string> {
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, "helper.ts"), `export const width: number = ${width};\n`);
  const path = join(folder, "model.ts");
  await writeFile(
    path,
    `import { width } from "./helper.ts";
    ${prelude}
    export function buildModel(tf: any, { inputs, outputs, seed }: { inputs: number; outputs: number; seed: number }) {
      const init = (s: number) => tf.initializers.glorotNormal({ seed: s });
      return tf.sequential({ layers: [
        tf.layers.dense({ units: width, activation: "tanh", inputShape: [inputs], kernelInitializer: init(seed) }),
        tf.layers.dense({ units: outputs, kernelInitializer: init(seed + 1) }),
      ] });
    }
    export function loss(tf: any, output: any, target: any) {
      ${inLoss}
      return tf.losses.huberLoss(target, output);
    }
    `,
  );
  return path;
}
