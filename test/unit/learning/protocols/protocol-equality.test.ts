import { describe, expect, it } from "vitest";
import { systemClock } from "../../../../services/common/clock/system-clock.ts";
import { createReferenceEngine } from "../../../../services/engine/eager/eager-engine.ts";
import type { Engine } from "../../../../services/engine/interface/engine.ts";
import { createOnnxEngine } from "../../../../services/engine/onnx/onnx-engine.ts";
import { createWasmEngine } from "../../../../services/engine/wasm/wasm-engine.ts";
import { protocols } from "../../../../services/learning/protocols/all.ts";
import { protocolSpec } from "../../../../services/learning/protocols/protocol-spec.ts";
import { runTraining } from "../../../../services/learning/training/run-training.ts";
import type { LossName } from "../../../../services/pipeline/pipeline.ts";
import type { OptimizerSpec } from "../../../../services/pipeline/team.ts";
import { PROBLEM_ROWS, protocolProgram } from "../../../helpers/problems.ts";

const STEPS = 50;
const optimizers: readonly OptimizerSpec[] = [
  { name: "sgd", learningRate: 0.02 },
  { name: "momentum", learningRate: 0.01, momentum: 0.9 },
  { name: "adam", learningRate: 0.01, beta1: 0.9, beta2: 0.999, epsilon: 1e-8 },
];
const compiled = [createOnnxEngine("cpu", { clock: systemClock }), createWasmEngine({ clock: systemClock })];
const reference = createReferenceEngine(systemClock);

/** Every protocol with every loss that it supports. */
const cases = protocols.flatMap((protocol) =>
  (["mse", "cross-entropy", "policy"] as const)
    .filter((loss) => protocol.name !== "gauss-newton" || loss === "mse")
    .map((loss) => ({ protocol, loss, name: protocol.name })),
);

describe("every protocol trains to the same result on the compiled engines and on tfjs", () => {
  it.each(cases)("$name with $loss", async ({ protocol, loss }) => {
    for (const optimizer of optimizers) {
      const { parameters } = protocolSpec(protocol.name);
      const train = async (engine: Engine) => {
        const { program, data } = protocolProgram(
          protocol,
          parameters,
          loss as LossName,
          loss === "mse" ? 1 : 3,
          optimizer,
        );
        // Returns the mean loss of all steps, because there are fewer than 100.
        return runTraining({
          engine,
          program,
          data,
          rows: PROBLEM_ROWS,
          steps: STEPS,
          schedule: { warmup: 5, decay: "cosine" },
          seed: 1,
        });
      };
      const theirs = await train(reference);
      for (const engine of compiled) {
        const ours = await train(engine);
        const what = `on ${engine.name} with ${optimizer.name}`;
        expect(Math.abs(ours.loss - theirs.loss), `loss ${what}`).toBeLessThan(1e-4 * Math.abs(theirs.loss));
        for (const [name, { values }] of Object.entries(theirs.state)) {
          values.forEach((value, i) => {
            expect(Math.abs((ours.state[name]?.values[i] as number) - value), `${name} ${what}`).toBeLessThan(1e-3);
          });
        }
      }
    }
  });
});
