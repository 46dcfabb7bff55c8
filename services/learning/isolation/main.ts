import { writeFileSync } from "node:fs";
import { Worker } from "node:worker_threads";
import { systemClock } from "../../common/clock/system-clock.ts";
import { asUncoupleError, UncoupleError } from "../../common/errors.ts";
import { engineNamed } from "../../engine/create-engine.ts";
import { executeTraining } from "../component/execute-training.ts";
import { loadUserModel } from "../programs/user-model.ts";
import type { FromModelProcess, ToModelProcess } from "./messages.ts";
import { createMessenger } from "./messenger.ts";

/**
 * Trains one user's model module, in a process of its own, started by `startModelProcess` with the module's path and
 * the trainer's process id. The process never ends by itself: the trainer kills it when it has what it needs.
 */
const [, , path = "", parent] = process.argv;

/** With whatever the module has started. */
const endAll = () => process.kill(-process.pid, "SIGKILL");

// The module may block this thread for ever, so a thread of its own notices that the trainer is gone.
new Worker(
  `const { workerData } = require("node:worker_threads");
  setInterval(() => { if (process.ppid !== workerData) process.kill(-process.pid, "SIGKILL"); }, 250);`,
  { eval: true, workerData: Number(parent), execArgv: [] },
).unref();
process.once("disconnect", endAll);

try {
  // Where memory runs out, Linux ends this process before any other.
  writeFileSync("/proc/self/oom_score_adj", "1000");
} catch {
  // Not Linux, or not allowed.
}

const send = process.send?.bind(process);
// The channel is not the module's.
delete process.send;
const trainer = createMessenger<FromModelProcess, ToModelProcess>({
  send: (frame, sent) => send?.(frame, undefined, undefined, sent),
  onFrame: (listener) => process.on("message", listener),
});

function fail(thrown: unknown): void {
  const { code, message, stack, cause } = asUncoupleError(thrown);
  // For the trainer's log: where in the module it happened.
  if (cause instanceof Error) console.error(cause.stack);
  void trainer.send({ kind: "failed", error: { code, message, stack } });
}

process.on("uncaughtException", (thrown) => {
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  fail(
    new UncoupleError("invalid-argument", `model module ${path}: an error outside of buildModel and loss: ${message}`, {
      cause: thrown,
    }),
  );
});

async function train(): Promise<void> {
  const module = await loadUserModel(path);
  const order = await trainer.next();
  if (order.kind !== "train") throw new UncoupleError("internal", `a ${order.kind} came before the training`);
  const trained = await executeTraining(order.prepared, {
    engine: engineNamed(order.engine, systemClock),
    module,
    ...(order.resume !== undefined && { resume: order.resume }),
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
