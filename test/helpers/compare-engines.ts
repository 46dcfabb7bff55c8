import { systemClock } from "../../services/common/clock/system-clock.ts";
import { createEngine } from "../../services/engine/create-engine.ts";
import { createReferenceEngine } from "../../services/engine/eager/eager-engine.ts";
import type { Engine } from "../../services/engine/interface/engine.ts";
import type { TrainingProgram } from "../../services/engine/interface/program.ts";
import type { EngineChoice } from "../../services/pipeline/team.ts";
import { adam, denseProgram, numbers, rowNumbers } from "./dense-program.ts";

/**
 * A process of its own for engines that need another environment than the tests have: trains two programs on the engine
 * named by its argument and on the reference engine, and prints how far they are apart as one line of JSON.
 */
const STEPS = 50;
const ROWS = 64;

const programs: readonly TrainingProgram[] = [
  denseProgram({ widths: [8, 64, 1], batch: 16, optimizer: { ...adam, learningRate: 0.01 } }),
  denseProgram({
    widths: [4, 8, 3],
    batch: 8,
    loss: "cross-entropy",
    optimizer: { name: "momentum", learningRate: 0.02, momentum: 0.9 },
  }),
];

async function train(engine: Engine, program: TrainingProgram): Promise<{ losses: number[]; weights: number[] }> {
  const data = Object.fromEntries(
    Object.entries(program.resident).map(([name, { width }], index) => [name, numbers(ROWS * width, index + 1)]),
  );
  const session = await engine.prepare(program, data, ROWS);
  const losses: number[] = [];
  const half = STEPS / 2;
  for (const part of [0, 1]) {
    losses.push(
      ...(await session.run({
        steps: half,
        indices: rowNumbers(half * program.batch, ROWS, part + 1),
        learningRates: new Float32Array(half).fill(program.optimizer.learningRate),
        feeds: {},
      })),
    );
    // Out and in again: a state must survive the journey from a device and back.
    await session.restore(await session.state());
  }
  const state = await session.state();
  await session.dispose();
  return { losses, weights: Object.values(state).flatMap(({ values }) => [...values]) };
}

const engine = await createEngine(process.argv[2] as EngineChoice, { clock: systemClock, log: () => {} });
const reference = createReferenceEngine(systemClock);
let lossDifference = 0;
let weightDifference = 0;
for (const program of programs) {
  const [ours, theirs] = [await train(engine, program), await train(reference, program)];
  ours.losses.forEach((loss, step) => {
    const wanted = theirs.losses[step] as number;
    lossDifference = Math.max(lossDifference, Math.abs(loss - wanted) / Math.abs(wanted));
  });
  ours.weights.forEach((weight, index) => {
    weightDifference = Math.max(weightDifference, Math.abs(weight - (theirs.weights[index] as number)));
  });
}
console.log(JSON.stringify({ engine: engine.name, lossDifference, weightDifference }));
