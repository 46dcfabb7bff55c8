import type { Clock } from "../../common/clock/clock.ts";
import type { Pipeline } from "../../pipeline/pipeline.ts";
import { type ApplyOptions, type ApplyPlan, applyPlan, planApply } from "../../registry/apply-pipeline.ts";
import { EVALUATOR_GROUP } from "../../registry/backplane.ts";
import { checkSharing } from "../../registry/sharing.ts";
import type { StoreFlags } from "../connect/service.ts";
import type { NatsAccess } from "../flags/nats-flags.ts";

export interface ApplyFileOptions extends ApplyOptions {
  readonly access: NatsAccess;
  readonly pipeline: Pipeline;
  readonly store: StoreFlags;
  readonly clock: Clock;
  /** Name of the connection, which the server shows. */
  readonly name: string;
}

/**
 * Creates the pipeline's missing streams and the evaluators' queue, and puts its file in force. Changes nothing where both are as they should be.
 * @throws UncoupleError as `connectJetStream`, `checkSharing` and `applyPlan`
 */
export async function applyPipelineFile(
  options: ApplyFileOptions,
): Promise<{ readonly plan: ApplyPlan; readonly applied: boolean }> {
  const { access, pipeline, store, clock, name } = options;
  const { connectJetStream } = await import("../../registry/jetstream/backplane.ts");
  const { pipelines, workQueue, neighbor, close } = await connectJetStream({
    ...store,
    ...access,
    pipeline: pipeline.name,
    clock,
    name,
  });
  try {
    // Creates the queue, which evaluators of restricted accounts cannot.
    await workQueue(EVALUATOR_GROUP).pending();
    const plan = await planApply(pipelines, pipeline);
    // A file in force stays so, whatever its owners have changed since.
    if (plan.digest !== plan.previous) await checkSharing(pipeline, neighbor);
    return { plan, applied: await applyPlan(pipelines, pipeline, plan, options) };
  } finally {
    await close();
  }
}
