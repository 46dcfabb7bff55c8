import { writeFileSync } from "node:fs";
import { Worker } from "node:worker_threads";
import { systemClock } from "../../common/clock/system-clock.ts";
import { asUncoupleError, UncoupleError } from "../../common/errors.ts";
import { engineNamed } from "../../engine/create-engine.ts";
import { executeTraining } from "../component/execute-training.ts";
import { loadUserModel } from "../programs/user-model.ts";
import type { TrainingResult, TrainingRun } from "../training/run-training.ts";
import { shipTraining } from "../units/run-in-units.ts";
import type { FromModelProcess, ToModelProcess } from "./messages.ts";
import { createMessenger } from "./messenger.ts";

/**
 * Trains a user's model module in a separate process, started by `startModelProcess` with the module's path and the
 * trainer's process id. The process never exits by itself: the trainer kills it once it has the result.
 */
const [, , path = "", parent] = process.argv;

/** Kills this process and everything that the module has started. */
const killGroup = () => process.kill(-process.pid, "SIGKILL");

// The module may block this thread indefinitely, so a second thread watches for the death of the trainer.
new Worker(
  `const { workerData } = require("node:worker_threads");
  setInterval(() => { if (process.ppid !== workerData) process.kill(-process.pid, "SIGKILL"); }, 250);`,
  { eval: true, workerData: Number(parent), execArgv: [] },
).unref();
process.once("disconnect", killGroup);

try {
  // If memory runs out, Linux kills this process first.
  writeFileSync("/proc/self/oom_score_adj", "1000");
} catch {
  // Not Linux, or not permitted.
}

const send = process.send?.bind(process);
// Keeps the module from using the channel.
delete process.send;
const trainer = createMessenger<FromModelProcess, ToModelProcess>({
  send: (frame, sent) => send?.(frame, undefined, undefined, sent),
  onFrame: (listener) => process.on("message", listener),
});

function fail(thrown: unknown): void {
  const { code, message, stack, cause } = asUncoupleError(thrown);
  // The trainer's log gets the position in the module.
  if (cause instanceof Error) console.error(cause.stack);
  void trainer.send({ kind: "failed", error: { code, message, stack } });
}

process.on("uncaughtException", (thrown) => {
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  fail(
    new UncoupleError(
      "invalid-argument",
      `model module ${path}: uncaught error outside of buildModel and loss: ${message}`,
      {
        cause: thrown,
      },
    ),
  );
});

/** Has the trainer run the rounds. */
async function trainElsewhere(run: TrainingRun): Promise<TrainingResult> {
  await trainer.send({ kind: "shipped", shipped: await shipTraining(run) });
  let answer = await trainer.next();
  for (; answer.kind === "reached"; answer = await trainer.next()) {
    await trainer.send({ kind: "decided", goOn: (await run.looks?.look(answer.checkpoint)) ?? true });
  }
  if (answer.kind !== "rounds-done") throw new UncoupleError("internal", `received ${answer.kind} before rounds-done`);
  return answer.result;
}

async function train(): Promise<void> {
  const module = await loadUserModel(path);
  const order = await trainer.next();
  if (order.kind !== "train") throw new UncoupleError("internal", `received ${order.kind} before train`);
  const trained = await executeTraining(order.prepared, {
    engine: engineNamed(order.engine.name, systemClock, order.engine.reason),
    module,
    ...(order.inUnits && { train: trainElsewhere }),
    ...(order.resume !== undefined && { resume: order.resume }),
    looks: {
      at: order.looksAt,
      async look(step, bytes) {
        await trainer.send({ kind: "look", step, bytes });
        const answer = await trainer.next();
        if (answer.kind !== "looked") throw new UncoupleError("internal", `received ${answer.kind} before looked`);
        return answer.goOn;
      },
    },
    async onStart(engine) {
      await trainer.send({ kind: "started", engine });
      await trainer.next();
    },
    async onProgress({ checkpoint, ...progress }) {
      await trainer.send({ kind: "progress", progress });
      while ((await trainer.next()).kind === "checkpoint") {
        await trainer.send({ kind: "checkpoint", checkpoint: await checkpoint() });
      }
    },
  });
  await trainer.send({ kind: "trained", trained });
}

train().catch(fail);
