import type { Clock, Timer } from "../../common/clock/clock.ts";
import { UncoupleError } from "../../common/errors.ts";
import { lookSteps } from "../component/look-steps.ts";
import { prepareTraining } from "../component/prepare-training.ts";
import type { ComponentTraining, TrainedComponent } from "../component/training-backend.ts";
import { unitPlanOf } from "../component/unit-training.ts";
import type { TrainingResult } from "../training/run-training.ts";
import type { TrainingCheckpoint } from "../training/training-progress.ts";
import { runRounds, type ShippedTraining } from "../units/run-in-units.ts";
import type { FromModelProcess, SerializedError } from "./messages.ts";
import { type HostProcess, type ModelProcess, startModelProcess } from "./model-process.ts";

export interface IsolationSettings {
  readonly clock: Clock;
  /** Seconds that an aborted training has to finish its chunk, for a final checkpoint. */
  readonly answerSeconds: number;
}

/**
 * Trains a user's model module in a separate process, as `TrainingBackend.train` does. Faults of the module can only
 * fail this training, and everything that the module starts is killed at its end.
 *
 * @param path of the module
 */
export async function trainIsolated(
  training: ComponentTraining,
  path: string,
  host: HostProcess,
  { clock, answerSeconds }: IsolationSettings,
): Promise<TrainedComponent> {
  const { signal } = training;
  signal?.throwIfAborted();
  const model = startModelProcess(path, host, clock, (line) => training.onOutput?.(line));
  let stepping = false;
  let deadline: Timer | undefined;
  const stop = () => {
    // Before the first chunk, there is no progress to save.
    deadline = clock.after(stepping ? answerSeconds * 1000 : 0, () => void model.end());
  };
  signal?.addEventListener("abort", stop, { once: true });
  try {
    // This process prepares the data while the other loads the module.
    const first = model.messenger.next();
    await handOver(training, model, first);
    for (let message = await first; ; message = await model.messenger.next()) {
      if (message.kind === "trained") return message.trained;
      if (message.kind === "shipped") {
        const result = await runShipped(training, message.shipped, model, clock);
        await model.messenger.send({ kind: "rounds-done", result });
        continue;
      }
      if (message.kind === "look") {
        await replyToLook(training, model, message);
        continue;
      }
      if (message.kind === "started") {
        await training.onStart?.(message.engine);
      } else if (message.kind === "progress") {
        stepping = true;
        await training.onProgress?.({ ...message.progress, checkpoint: () => checkpointOf(model) });
      } else {
        throw unexpected(message);
      }
      signal?.throwIfAborted();
      await model.messenger.send({ kind: "continue" });
    }
  } catch (thrown) {
    // If the process was killed because of the abort, its end is not the reason to report.
    signal?.throwIfAborted();
    throw thrown;
  } finally {
    signal?.removeEventListener("abort", stop);
    deadline?.cancel();
    await model.end();
  }
}

/**
 * Prepares the training and sends it.
 *
 * @param first the first message of the process, which arrives before the data is sent only if the process failed
 */
async function handOver(
  training: ComponentTraining,
  { messenger }: ModelProcess,
  first: Promise<FromModelProcess>,
): Promise<void> {
  const failed = new AbortController();
  first.then(
    (message) => {
      if (message.kind === "failed") failed.abort(unexpected(message));
    },
    (error: unknown) => failed.abort(error),
  );
  const signal = AbortSignal.any(training.signal === undefined ? [failed.signal] : [training.signal, failed.signal]);
  const prepared = await prepareTraining({ ...training, signal });
  signal.throwIfAborted();
  const { name, reason } = training.engine;
  const inUnits = unitPlanOf(training) !== undefined;
  const { resume, looks } = training;
  await messenger.send({
    kind: "train",
    prepared,
    engine: { name, reason },
    resume,
    inUnits,
    looksAt: looks?.at ?? [],
  });
}

/** Runs the rounds of a module's training here, because the module's process has no workers. */
async function runShipped(
  training: ComponentTraining,
  shipped: ShippedTraining,
  model: ModelProcess,
  clock: Clock,
): Promise<TrainingResult> {
  const { resume, signal, looks, onStart, onProgress, onUnits } = training;
  const units = unitPlanOf(training);
  if (units === undefined) throw new UncoupleError("internal", "a module's process sent a training that runs as one");
  return runRounds(shipped, {
    ...units,
    clock,
    ...(resume !== undefined && { resume }),
    ...(signal !== undefined && { signal }),
    looks: { at: lookSteps(training.team, looks), look: (checkpoint) => lookThere(training, model, checkpoint) },
    ...(onStart !== undefined && { onStart }),
    ...(onProgress !== undefined && { onProgress }),
    ...(onUnits !== undefined && { onUnits }),
  });
}

/** Has the module's process make a model of a state that was reached here, and looks at it. */
async function lookThere(
  training: ComponentTraining,
  model: ModelProcess,
  checkpoint: TrainingCheckpoint,
): Promise<boolean> {
  await model.messenger.send({ kind: "reached", checkpoint });
  let decided = await model.messenger.next();
  if (decided.kind === "look") {
    await replyToLook(training, model, decided);
    decided = await model.messenger.next();
  }
  if (decided.kind !== "decided") throw unexpected(decided);
  return decided.goOn;
}

async function replyToLook(
  { looks }: ComponentTraining,
  { messenger }: ModelProcess,
  { step, bytes }: Extract<FromModelProcess, { readonly kind: "look" }>,
): Promise<void> {
  await messenger.send({ kind: "looked", goOn: (await looks?.look(step, bytes)) ?? true });
}

async function checkpointOf({ messenger }: ModelProcess): Promise<TrainingCheckpoint> {
  await messenger.send({ kind: "checkpoint" });
  const answer = await messenger.next();
  if (answer.kind !== "checkpoint") throw unexpected(answer);
  return answer.checkpoint;
}

function unexpected(message: FromModelProcess): UncoupleError {
  if (message.kind === "failed") return errorOf(message.error);
  return new UncoupleError("internal", `the process of a model module unexpectedly sent ${message.kind}`);
}

function errorOf({ code, message, stack }: SerializedError): UncoupleError {
  const error = new UncoupleError(code, message);
  if (stack !== undefined) error.stack = stack;
  return error;
}
