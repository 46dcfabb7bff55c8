import type { PipelineGate } from "../../composition/pipeline-gate.ts";
import type { Logger } from "../../runtime/logs.ts";
import type { RunJob } from "./run-queue.ts";

/**
 * Another pipeline file was applied during the training. The run waits with its checkpoint, and holds no lease: it
 * resumes when its file is in force, or when its trainer restarts with the new one.
 */
export class OtherFileInForce extends Error {}

/** Waits while another pipeline file than this trainer's is in force. @throws the reason of the job's signal */
export async function waitForFile(
  job: RunJob,
  gate: Pick<PipelineGate, "refusal" | "opens">,
  log: Logger,
): Promise<void> {
  const refusal = gate.refusal();
  if (refusal === undefined) return;
  const { id } = job.stored().run;
  const waitingFor = `this trainer's pipeline file: ${refusal}`;
  log.warn({ run: id }, `run ${id} waits for ${waitingFor}`);
  await job.record({}, { state: "waiting", waitingFor, stepsPerSecond: null, etaSeconds: null });
  await gate.opens(job.signal);
  job.signal.throwIfAborted();
}
